"""Where tasks run: in this process, or on a cluster's workers. Nothing above this room knows which."""

from harness.executor.model import LOCAL, Executor, LocalExecutor, Pending, Task, in_order, until_stopped

__all__ = ["LOCAL", "Executor", "LocalExecutor", "Pending", "Task", "in_order", "until_stopped"]
