"""The demo: a sample mailbox and the embedded server that serves it."""
