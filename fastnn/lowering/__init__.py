"""From layers to a flat list of Ops: values, calls, the arena and the plan."""
