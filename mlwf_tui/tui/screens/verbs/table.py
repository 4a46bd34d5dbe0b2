"""Which method does the verb of a key: the one table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlwf_tui.tui.screens.verbs.branching import Branching
from mlwf_tui.tui.screens.verbs.cards import Cards
from mlwf_tui.tui.screens.verbs.care import Care
from mlwf_tui.tui.screens.verbs.checking import Checking
from mlwf_tui.tui.screens.verbs.comparing import Comparing
from mlwf_tui.tui.screens.verbs.deploying import Deploying
from mlwf_tui.tui.screens.verbs.drafting import Drafting
from mlwf_tui.tui.screens.verbs.exporting import Exporting
from mlwf_tui.tui.screens.verbs.folders import Folders
from mlwf_tui.tui.screens.verbs.history import History
from mlwf_tui.tui.screens.verbs.host import Host
from mlwf_tui.tui.screens.verbs.lineage import Questions
from mlwf_tui.tui.screens.verbs.making import Making
from mlwf_tui.tui.screens.verbs.models import Models
from mlwf_tui.tui.screens.verbs.names import Names
from mlwf_tui.tui.screens.verbs.piping import Piping
from mlwf_tui.tui.screens.verbs.queueing import Queueing
from mlwf_tui.tui.screens.verbs.searching import Searching
from mlwf_tui.tui.screens.verbs.training import Trainings
from mlwf_tui.tui.screens.verbs.transforming import Transforming

Verb = Callable[[Any], None]
"""Takes the selected entry, checked to fit; those that need none take None as well."""


def make_verbs(host: Host) -> Mapping[str, Verb]:
    """Return every verb by its key's id."""
    branching, folders, care = Branching(host), Folders(host), Care(host)
    questions, cards, piping = Questions(host), Cards(host), Piping(host)
    drafts, training = Drafting(host, piping), Trainings(host)
    making, models, names, queueing = Making(host), Models(host), Names(host), Queueing(host)
    deploying, history = Deploying(host), History(host, names)
    return {
        "commit": history.commit,
        "restore": history.restore,
        "undo": history.undo,
        "redo": history.redo,
        "tag": branching.tag,
        "untag": branching.untag,
        "copy": branching.copy,
        "merge": branching.merge,
        "checkout": folders.checkout,
        "export": Exporting(host).export,
        "status": folders.status,
        "sync": folders.sync,
        "check": Checking(host).check,
        "verify": care.verify,
        "collect": care.collect,
        "backup": care.backup,
        "stats": care.stats,
        "import": making.import_,
        "transform": Transforming(host, drafts).transform,
        "pipeline": piping.pipeline,
        "draft": drafts.draft,
        "demo": making.demo,
        "tune": Searching(host).tune,
        "train": training.train,
        "continue": training.continue_,
        "benchmark": models.benchmark,
        "compare": Comparing(host).compare,
        "apply": models.apply,
        "star": models.star,
        "card": models.card,
        "leaderboard": models.leaderboard,
        "package": deploying.package,
        "serve": deploying.serve,
        "stop": models.stop,
        "pause": queueing.pause,
        "resume": queueing.resume,
        "retry": queueing.retry,
        "sooner": queueing.sooner,
        "later": queueing.later,
        "queue": queueing.toggle,
        "doctor": queueing.doctor,
        "describe": names.describe,
        "rename": names.rename,
        "delete": names.delete,
        "undelete": names.undelete,
        "trace": questions.trace,
        "reproduce": questions.reproduce,
        "lint": questions.lint,
        "history": names.history,
        "yank": names.yank,
        "yank_id": cards.yank_id,
        "contents": cards.contents,
        "hide": cards.hide,
        "unhide": cards.unhide,
        "results": cards.results,
        "save_graph": cards.save_graph,
    }
