"""The runtime: tensors, Ops, plans, ports and threads; it owns the tables of csrc."""
