"""Dictionary of all tables by name."""

from gprplus.schema.distance import DISTANCES
from gprplus.schema.effects import COMPONENTS, CONTRASTS, CURVES, LEVELS, POOLED, SENSITIVITY
from gprplus.schema.manifest import IDENTITIES, IMAGES, REJECTED, SCAN
from gprplus.schema.run import QUERIES, RANKED, RESULTS, SUMMARY
from gprplus.schema.split import EXCLUDED, MEMBERS, TESTS

TABLES = {
    "images": IMAGES,
    "identities": IDENTITIES,
    "rejected": REJECTED,
    "scan": SCAN,
    "members": MEMBERS,
    "excluded": EXCLUDED,
    "tests": TESTS,
    "queries": QUERIES,
    "ranked": RANKED,
    "results": RESULTS,
    "summary": SUMMARY,
    "contrasts": CONTRASTS,
    "components": COMPONENTS,
    "curves": CURVES,
    "pooled": POOLED,
    "levels": LEVELS,
    "sensitivity": SENSITIVITY,
    "distances": DISTANCES,
}
