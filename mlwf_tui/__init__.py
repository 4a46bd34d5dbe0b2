"""mlwf: data versions, lineage, training and benchmarks for computer vision, in the terminal."""

__version__ = "0.1.0"
