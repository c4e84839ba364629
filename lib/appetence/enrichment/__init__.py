"""Public statistics and inference: areas, first names, segments. Nothing here touches origin, religion or health."""

from appetence.enrichment.areas import Supplied, build_areas
from appetence.enrichment.first_names import build_name_facts
from appetence.enrichment.segments import build_segments

__all__ = ["Supplied", "build_areas", "build_name_facts", "build_segments"]
