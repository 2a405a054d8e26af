from typing import final

@final
class Lane: ...

@final
class Lanes: ...

@final
class Bank: ...
