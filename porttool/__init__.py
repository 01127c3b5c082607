"""Port a small C Prometheus exporter to Unikraft and keep it ported."""


def __getattr__(name: str) -> str:
    if name == "__version__":
        # Reading a package's metadata takes longer than most commands' own imports.
        from importlib.metadata import version

        return version("porttool")
    raise AttributeError(name)
