"""An IMAP server in this very process, so that the demo and the tests need no account."""

from __future__ import annotations

import asyncio
import socket
import threading
from argparse import Namespace
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, Login
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash

Result = TypeVar("Result")

START_SECONDS = 20.0  # a start takes a tenth of a second; this is only so as never to hang


@dataclass(frozen=True, slots=True)
class SampleMail:
    """A mail to serve: `arrived` becomes its INTERNALDATE (aware; None: now)."""

    folder: str
    raw: bytes
    arrived: datetime | None = None
    flags: tuple[str, ...] = ()


class ImapServer:
    """A running server on loopback. UIDs and UIDVALIDITY stay as they are while it runs."""

    def __init__(self, user: str, password: str) -> None:
        self.host = "127.0.0.1"
        self.user = user
        self._password = password
        self._loop = asyncio.new_event_loop()
        self._mail: MailboxSet | None = None
        self._listener: asyncio.Server | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sample-imap", daemon=True)
        # Bound here, so that the port is known (and connections queue) before the loop runs.
        self._socket = socket.create_server((self.host, 0))
        # Else each answer of several lines waits 40 ms for an ACK; asyncio sees to it only on
        # sockets that it opened itself. Accepted connections inherit it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]

    def add(self, mails: Iterable[SampleMail]) -> None:
        """Deliver mails while the server runs; missing folders are made."""
        self._call(self._deliver(list(mails)))

    def delete(self, folder: str) -> None:
        """Remove a folder with all its mails."""
        self._call(self._mailboxes.delete_mailbox(folder))

    def empty(self, folder: str) -> None:
        """Remove all mails of a folder; the folder keeps its UIDVALIDITY."""
        self._call(self._empty(folder))

    def renumber(self, folder: str) -> None:
        """Give a folder another UIDVALIDITY, as a server does after a restore."""
        self._call(self._renumber(folder))

    def flags(self, folder: str) -> dict[int, frozenset[str]]:
        """The flags of each mail by UID, to prove that reading changed none."""
        return self._call(self._flags(folder))

    def start(self) -> None:
        """Serve from now on, in a thread of its own; raises what kept it from starting."""
        self._thread.start()
        self._started.wait(START_SECONDS)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_SECONDS)

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    @property
    def _mailboxes(self) -> MailboxSet:
        if self._mail is None:
            raise RuntimeError("start() the server first")
        return self._mail

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that called start()
            self._failure = failure
            self._socket.close()
        else:
            self._loop.call_soon(self._started.set)
            self._loop.run_forever()
        finally:
            self._started.set()
            self._wind_up()

    async def _listen(self) -> None:
        config = _Config(self.user, self._password)
        config.apply_context()
        login = Login(config)
        identity = login.demo_user_identity
        hashed = await Passwords(config).hash_password(self._password)
        await identity.set(UserMetadata(config, self.user, password=hashed))
        async with identity.new_session() as session:
            self._mail = session.mailbox_set
        serve = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
        self._listener = await asyncio.start_server(serve, sock=self._socket)

    def _wind_up(self) -> None:
        self._loop.run_until_complete(self._hang_up())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # for the transports to close their sockets

    async def _folder(self, name: str) -> MailboxData:
        try:
            return await self._mailboxes.get_mailbox(name)
        except KeyError:
            await self._mailboxes.add_mailbox(name)
            return await self._mailboxes.get_mailbox(name)

    async def _deliver(self, mails: list[SampleMail]) -> None:
        for mail in mails:
            folder = await self._folder(mail.folder)
            flags = frozenset(Flag(flag) for flag in mail.flags)
            when = mail.arrived or datetime.now(UTC)
            await folder.append(AppendMessage(mail.raw, when, flags))

    async def _empty(self, name: str) -> None:
        folder = await self._mailboxes.get_mailbox(name)
        await folder.delete([message.uid async for message in folder.messages()])

    async def _renumber(self, name: str) -> None:
        folder = await self._mailboxes.get_mailbox(name)
        folder._uid_validity += 1  # noqa: SLF001 - pymap has no way to ask for it

    async def _flags(self, name: str) -> dict[int, frozenset[str]]:
        folder = await self._mailboxes.get_mailbox(name)
        return {
            message.uid: frozenset(str(flag) for flag in message.permanent_flags)
            async for message in folder.messages()
        }


class _Config(Config):
    """pymap's settings as its own command line would make them, but quick to start."""

    def __init__(self, user: str, password: str) -> None:
        super().__init__(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=None,
            port=0,
            demo_data=False,
            demo_user=user,
            demo_password=password,
            tls_enabled=False,
            # The default, PBKDF2 with 500,000 rounds, takes a third of a second a sign-in.
            hash_context=BuiltinHash(rounds=1000),
            reject_dnsbl=False,
            invalid_user_sleep=0.0,
        )

    @property
    def greeting(self) -> bytes:
        # The inherited one looks up our own host name, which is slow where DNS is.
        return b"Ghost Resume sample server ready"


@contextmanager
def serve_imap(
    mails: Iterable[SampleMail] = (),
    *,
    user: str = "demo",
    password: str = "demo",  # noqa: S107 - it guards sample mail on loopback
) -> Iterator[ImapServer]:
    """Serve `mails` on a free loopback port, without TLS, until the block ends."""
    server = ImapServer(user, password)
    server.start()
    try:
        server.add(mails)
        yield server
    finally:
        server.stop()
