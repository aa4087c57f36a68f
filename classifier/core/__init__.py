"""The pure part: values in, values out; no disk, network, clock or settings."""
