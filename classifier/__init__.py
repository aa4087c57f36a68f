"""Ghost Résumé: reads a job seeker's inbox and keeps their applications CSV up to date.

Data flows one way::

    mailbox → message → text → verdict → facts → match → change → applications → summary

and imports go ``ui → workflow → (edges | config) → core → errors``. `core` is pure
(values in, values out); `edges` is the only code that touches disk, network and clock;
`ui` is the only code that talks to the person.
"""

__version__ = "0.1.0"
