"""What outlives a restart: where it is saved (store), what is saved (document), and how (encoding)."""
