"""Many scans: found below a folder, measured one by one or many at once, and summed up.

``discover`` finds them, ``order_for`` says how they are measured, ``run_batch`` measures them on an
engine: ``Here``, ``Processes`` or a ``Cluster``.
"""

from negvol_cli.batch.discovery import Pseudonym, discover
from negvol_cli.batch.engines import Cluster, Engine, Here, Processes, threads_each
from negvol_cli.batch.flow import Stop
from negvol_cli.batch.found import Discovery, Found, LeftOut
from negvol_cli.batch.order import Order, Result
from negvol_cli.batch.run import BatchResult, Tally, order_for, run_batch

__all__ = [
    "BatchResult",
    "Cluster",
    "Discovery",
    "Engine",
    "Found",
    "Here",
    "LeftOut",
    "Order",
    "Processes",
    "Pseudonym",
    "Result",
    "Stop",
    "Tally",
    "discover",
    "order_for",
    "run_batch",
    "threads_each",
]
