"""What a network is: its graph and parameters, what it is compiled for, and its programs."""
