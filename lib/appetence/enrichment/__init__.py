"""Public statistics and inference: areas, first names, segments, clusters. Nothing here touches origin, religion or health."""

from appetence.enrichment.areas import Supplied, build_areas
from appetence.enrichment.clusters import find_clusters
from appetence.enrichment.first_names import build_name_facts
from appetence.enrichment.segments import build_profiles, build_segments

__all__ = ["Supplied", "build_areas", "build_name_facts", "build_profiles", "build_segments", "find_clusters"]
