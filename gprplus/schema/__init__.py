"""The columns of every table, each with its type, level, unit and one sentence.

Tables and records are the only interface between packages. Arrow schemas, the documentation's
tables and the checks are made from these records.
"""

from gprplus.schema import stored
from gprplus.schema.column import (
    VERSION,
    Column,
    arrow_schema,
    conform,
    own_columns,
    require,
)
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
from gprplus.schema.manifest import IDENTITIES, IMAGES, REJECTED, ROLES, SCAN
from gprplus.schema.run import QUERIES, RANKED, RANKED_IMAGE, RESULTS, SUMMARY
from gprplus.schema.split import EXCLUDED, MEMBERS, TESTS
from gprplus.schema.tables import TABLES

__all__ = [
    "COMPONENTS",
    "CONTRASTS",
    "CURVES",
    "DISTANCES",
    "DOSE",
    "EXCLUDED",
    "IDENTITIES",
    "IMAGES",
    "LEFT_OUT",
    "LEVELS",
    "LOGIT",
    "MEMBERS",
    "POOLED",
    "QUERIES",
    "RANKED",
    "RANKED_IMAGE",
    "REJECTED",
    "RESULTS",
    "ROLES",
    "SCAN",
    "SENSITIVITY",
    "SUMMARY",
    "TABLES",
    "TESTS",
    "VERSION",
    "Column",
    "arrow_schema",
    "conform",
    "own_columns",
    "require",
    "stored",
]
