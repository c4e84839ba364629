"""Connected components of accepted links: GraphFrames on the cluster, SciPy on the driver as reference and where no JVM access exists.

GraphFrames wants whole numbers as vertex ids and works best when they are dense, and only vertices that have an edge. `graphx` (label
propagation by Pregel) is the quicker algorithm up to millions of edges and needs no checkpoints; `graphframes` (two-phase, Kiveris et al.
2014)
bounds the rounds of long chains at any size. Both give each vertex the smallest id of its component.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as scipy_components

from appetence.errors import ConfigError
from appetence.identity.frames import Cluster, Pair

TWO_PHASE_FROM = 20_000_000
DRIVER_LIMIT = 50_000_000
_BUCKETS = 64


def connected_components(edges: DataFrame, engine: str = "auto", small: int = 0) -> DataFrame:
    """Edges (a, b: BIGINT) -> one row per node that has an edge: node, component (the lowest node of it).

    Engines: `graphframes`, `driver` (SciPy, in the driver's memory), `auto` (GraphFrames; the driver where the session gives no JVM
    access, and up to `small` edges)."""
    if engine not in ("auto", "graphframes", "driver"):
        raise ConfigError(f"identity.engine is {engine!r}; it can be auto, graphframes or driver.")
    links = edges.select(F.col(Pair.a).cast("bigint").alias(Pair.a), F.col(Pair.b).cast("bigint").alias(Pair.b)).distinct()
    if engine == "driver" or (engine == "auto" and (not _has_jvm(edges) or (small > 0 and links.count() <= small))):
        return _on_driver(links)
    return _with_graphframes(links)


def engine_used(edges: DataFrame, engine: str) -> str:
    """Which engine `connected_components` takes."""
    return "driver" if engine == "driver" or (engine == "auto" and not _has_jvm(edges)) else "graphframes"


def _has_jvm(frame: DataFrame) -> bool:
    try:
        return frame.sparkSession.sparkContext is not None
    except Exception:  # Spark Connect and shared clusters refuse in ways of their own
        return False


def _on_driver(links: DataFrame) -> DataFrame:
    table = pd.DataFrame(links.toPandas())
    if len(table) > DRIVER_LIMIT:
        raise ConfigError(f"The driver cannot solve {len(table):,} links; set identity.engine=graphframes.")
    nodes, index = np.unique(table[[Pair.a, Pair.b]].to_numpy().ravel(), return_inverse=True)
    ends = index.reshape(-1, 2)
    _, label = scipy_components(coo_matrix((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(len(nodes),) * 2), directed=False)
    # Nodes are sorted, so the first node of a label is the lowest of its component.
    lowest = nodes[np.unique(label, return_index=True)[1]] if len(nodes) else nodes
    answer = pd.DataFrame({Cluster.node: nodes.astype("int64"), Cluster.component: (lowest[label] if len(nodes) else nodes).astype("int64")})
    return links.sparkSession.createDataFrame(answer, f"{Cluster.node} bigint, {Cluster.component} bigint")


def _with_graphframes(links: DataFrame) -> DataFrame:
    from graphframes import GraphFrame

    dictionary = _dense(links)
    left, right = dictionary.toDF(Pair.a, "src"), dictionary.toDF(Pair.b, "dst")
    dense = links.join(left, on=Pair.a, how="inner").join(right, on=Pair.b, how="inner").select("src", "dst")
    vertices = dictionary.select(F.col("id"))
    algorithm = "graphframes" if links.count() > TWO_PHASE_FROM else "graphx"
    found = GraphFrame(vertices, dense).connectedComponents(
        algorithm=algorithm, checkpointInterval=2, broadcastThreshold=1_000_000, useLabelsAsComponents=False
    )
    named = found.select("id", F.col("component").alias("_c")).join(dictionary, on="id", how="inner")
    # The component is named by its lowest node, as the reference does: dense ids are not in the nodes' order.
    lowest = named.groupBy("_c").agg(F.min(Cluster.node).alias(Cluster.component))
    return named.join(lowest, on="_c", how="inner").select(Cluster.node, Cluster.component)


def _dense(links: DataFrame) -> DataFrame:
    """node -> id: nearly dense whole numbers, the same whatever the partitions: a count inside each of some hash buckets."""
    nodes = links.select(F.explode(F.array(Pair.a, Pair.b)).alias(Cluster.node)).distinct()
    bucket = F.pmod(F.xxhash64(Cluster.node), F.lit(_BUCKETS))
    place = F.row_number().over(Window.partitionBy("_bucket").orderBy(Cluster.node))
    numbered = nodes.withColumn("_bucket", bucket).withColumn("id", (place - 1) * _BUCKETS + F.col("_bucket"))
    return numbered.select(Cluster.node, F.col("id").cast("bigint").alias("id"))
