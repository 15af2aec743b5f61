"""Digital PCR: from partitions to normalised copies with evidence."""

from remnant.assay.dpcr.quantify import quantify_partitions

__all__ = ["quantify_partitions"]
