"""Imported once by the process that methods' processes are forked from; it has run nothing.

It has imported torch and what methods stand on, but no plug-in, and holds no data. It must neither
compute with torch (GNU OpenMP hangs in a child that is forked after a parallel region) nor touch a
GPU.
"""

from __future__ import annotations

import benchbench.engine.worker as worker
import benchbench.evaluation.participant as participant
import benchbench.learners.creation as creation
import benchbench.learners.episodic as episodic
import benchbench.learners.gradient as gradient
import benchbench.learners.metric as metric
import benchbench.learners.pretrained as pretrained
import benchbench.system.sandbox as sandbox

LOADED = (worker, participant, creation, episodic, gradient, metric, pretrained, sandbox)

sandbox.landlock_abi()
