"""The commands as gather → decide → apply; the only place where edges and core meet."""
