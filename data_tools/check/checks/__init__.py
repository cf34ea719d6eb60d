"""The checks. A new one is one file and one line in ``CHECKS``."""

from data_tools.check.checks.amount import check_amount
from data_tools.check.checks.balance import check_balance
from data_tools.check.checks.channels import check_channels
from data_tools.check.checks.clipping import check_clipping
from data_tools.check.checks.common import Check
from data_tools.check.checks.contradictions import check_contradictions
from data_tools.check.checks.dc import check_dc
from data_tools.check.checks.duplicates import check_duplicates
from data_tools.check.checks.edges import check_edges
from data_tools.check.checks.files import check_files
from data_tools.check.checks.labels import check_labels
from data_tools.check.checks.leaks import check_leaks
from data_tools.check.checks.level import check_level
from data_tools.check.checks.manifest import check_manifest
from data_tools.check.checks.rates import check_rates
from data_tools.check.checks.scale import check_scale
from data_tools.check.checks.silence import check_silence
from data_tools.check.checks.words import check_words

__all__ = ["CHECKS", "Check"]

CHECKS: dict[str, Check] = {
    "files": check_files,
    "manifest": check_manifest,
    "scale": check_scale,
    "leaks": check_leaks,
    "contradictions": check_contradictions,
    "duplicates": check_duplicates,
    "labels": check_labels,
    "words": check_words,
    "edges": check_edges,
    "silence": check_silence,
    "channels": check_channels,
    "rates": check_rates,
    "level": check_level,
    "clipping": check_clipping,
    "dc": check_dc,
    "balance": check_balance,
    "amount": check_amount,
}
"""In the order in which their findings are told."""
