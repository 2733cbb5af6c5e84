"""Reads a scrape from standard input as Prometheus' own client library does.

Prints one JSON object: the type of each family, and its samples as
[name, labels, value].
"""

import json
import sys

from prometheus_client.parser import text_fd_to_metric_families

families = {}
for family in text_fd_to_metric_families(sys.stdin):
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    families[family.name] = {"type": family.type, "samples": samples}
json.dump(families, sys.stdout)
