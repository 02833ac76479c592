"""Dictionary of all tables by name."""

from gprplus.schema.distance import DISTANCES
from gprplus.schema.effects import (
    COMPONENTS,
    CONTRASTS,
    CURVES,
    DOSE,
    LEFT_OUT,
    LEVELS,
    LOGIT,
    POOLED,
    SENSITIVITY,
)
from gprplus.schema.manifest import IDENTITIES, IMAGES, REJECTED, SCAN
from gprplus.schema.render_plan import PLAN_CELLS, PLAN_IDENTITIES
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
    "left_out": LEFT_OUT,
    "logit": LOGIT,
    "dose": DOSE,
    "levels": LEVELS,
    "sensitivity": SENSITIVITY,
    "distances": DISTANCES,
    "plan": PLAN_CELLS,
    "plan_identities": PLAN_IDENTITIES,
}
