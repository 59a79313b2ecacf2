"""Many scans: found below a folder, measured one by one or many at once, and summed up.

``discover`` finds them, ``job_for`` says how they are measured, ``run_batch`` measures them on an
engine: ``Processes`` or a ``Cluster``.
"""

from negvol_cli.batch.candidates import Candidate, Discovery, LeftOut
from negvol_cli.batch.discovery import Pseudonym, discover
from negvol_cli.batch.engines import Cluster, Engine, Processes, threads_each, why_not_safe
from negvol_cli.batch.job import Job, Result
from negvol_cli.batch.run import BatchResult, Tally, job_for, run_batch
from negvol_cli.batch.scheduler import Stop

__all__ = [
    "BatchResult",
    "Candidate",
    "Cluster",
    "Discovery",
    "Engine",
    "Job",
    "LeftOut",
    "Processes",
    "Pseudonym",
    "Result",
    "Stop",
    "Tally",
    "discover",
    "job_for",
    "run_batch",
    "threads_each",
    "why_not_safe",
]
