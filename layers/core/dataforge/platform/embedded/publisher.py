"""Push to subscribers inside this process. Publishing never blocks: a subscriber that does not keep up is dropped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from dataforge.platform.ports import Item


class Subscription:
    """Iterate for the messages, oldest first; the iteration ends on `close`, or when the subscriber was too slow
    (`dropped`), after what was still queued. Use it in a `with`, so that the publisher removes it."""

    def __init__(self, publisher: InProcessPublisher, topic: str, size: int) -> None:
        self._publisher = publisher
        self._topic = topic
        # One more than the messages: for the None that ends the iteration.
        self._queue: queue.Queue[Item | None] = queue.Queue(size + 1)
        self._size = size
        self.dropped = False

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Item]:
        while (message := self._queue.get()) is not None:
            yield message

    def get(self, timeout: float) -> Item | None:
        """The next message; None at the end. Raises queue.Empty when none came in `timeout` seconds."""
        return self._queue.get(timeout=timeout)

    def close(self) -> None:
        self._publisher._leave(self._topic, self)

    def _offer(self, message: Item) -> bool:
        """Whether the queue had space; only called under the publisher's lock."""
        if self._queue.qsize() >= self._size:
            self.dropped = True
            return False
        self._queue.put_nowait(message)
        return True


class InProcessPublisher:
    """The Publisher port of one machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[str, list[Subscription]] = {}

    def subscribe(self, topic: str, *, size: int = 256) -> Subscription:
        """size: how many messages may be queued before the subscriber is dropped as too slow."""
        subscription = Subscription(self, topic, size)
        with self._lock:
            self._topics.setdefault(topic, []).append(subscription)
        return subscription

    def publish(self, topic: str, message: Item) -> None:
        with self._lock:
            for subscription in list(self._topics.get(topic, ())):
                if not subscription._offer(message):
                    self._remove(topic, subscription)

    def disconnect(self, connection_id: str) -> None:
        """Subscriptions of one process are closed by their holders."""

    def _leave(self, topic: str, subscription: Subscription) -> None:
        with self._lock:
            self._remove(topic, subscription)

    def _remove(self, topic: str, subscription: Subscription) -> None:
        subscribers = self._topics.get(topic, [])
        if subscription not in subscribers:
            return
        subscribers.remove(subscription)
        if not subscribers:
            del self._topics[topic]
        subscription._queue.put_nowait(None)
