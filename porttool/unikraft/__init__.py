"""Unikraft: what its releases provide, and the libraries that are emitted for it."""

#: The release that a new workspace is for, and that C outside of a workspace is held against.
DEFAULT_RELEASE = "0.16.3"
