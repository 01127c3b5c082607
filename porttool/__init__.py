"""Port a small C Prometheus exporter to Unikraft and keep it ported."""

from importlib.metadata import version

__version__ = version("porttool")
