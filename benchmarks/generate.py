"""Logs as Exchange and IIS write them, of any size, the same for the same seed.

What is in them follows what servers write: column lists of Exchange 2016 and IIS 10, rows by the share that each kind
of event has, quotes only where a value needs them (subjects and custom data of message tracking; greetings with a date,
lists of enhanced status codes and certificates in SMTP logs), bytes beyond ASCII in some subjects.

`adversarial` gives what can go wrong in such a file, with how many of its rows a reader that loses nothing gets out.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEED = 2016
_BEGIN = dt.datetime(2016, 10, 4, 8, tzinfo=dt.UTC)
DISTINCT = 24_000_000
"""How many bytes of a log are rows that don't stand there twice."""

_TRACKING_NAMES = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)
_SMTP_NAMES = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
_W3C_NAMES = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken"
)
_SUBJECTS = (
    "RE: Quarterly figures",
    "Invitation: project meeting",
    "FW: Minutes of the board",
    "Out of office",
    "Delivery of order 4711",
    "Grüße aus Köln",
    "AW: Rückfrage zum Angebot",
    "Backup finished on EX16A",
    "Newsletter October",
    "会议通知",
)
_QUOTED_SUBJECTS = (
    '"RE: Offer, second version"',
    '"Lunch, anyone?"',
    '"FW: ""urgent"" request"',
    '"Agenda: budget, staff, rooms"',
)
_GREETING = '>,"220 EX16A.example.com Microsoft ESMTP MAIL Service ready at Tue, 4 Oct 2016 08:00:00 +0000",'
_PLAIN_OFFERS = "ENHANCEDSTATUSCODES STARTTLS X-ANONYMOUSTLS AUTH NTLM X-EXPS GSSAPI NTLM 8BITMIME BINARYMIME CHUNKING,"
_TLS_OFFERS = "ENHANCEDSTATUSCODES AUTH NTLM LOGIN X-EXPS GSSAPI NTLM 8BITMIME BINARYMIME CHUNKING,"
_NEGOTIATED = (
    '*,,"TLS protocol SP_PROT_TLS1_2_SERVER negotiation succeeded using bulk encryption algorithm CALG_AES_256 with '
    'strength 256 bits, MAC hash algorithm CALG_SHA_384 with strength 0 bits and key exchange algorithm CALG_ECDHE"'
)
_AGENTS = (
    "Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/53.0.2785.116+Safari/537.36",
    "Mozilla/5.0+(Windows+NT+6.1;+WOW64;+Trident/7.0;+rv:11.0)+like+Gecko",
    "Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.4432;+Pro)",
    "Apple-iPhone8C1/1401.403",
    "AMProbe/Local/ClientAccess",
)
_PATHS = (
    ("POST", "/owa/service.svc", "action=FindConversation&EP=1&ID=-{n}&AC=1&UA=0"),
    ("POST", "/owa/service.svc", "action=GetItem&ID=-{n}&AC=1"),
    ("GET", "/owa/ev.owa2", "ns=PendingRequest&ev=PendingNotificationRequest&UA=0&cid={c}&CorrelationID=<empty>"),
    ("POST", "/owa/sessiondata.ashx", "appcacheclient=0&CorrelationID=<empty>;&cafeReqId={c};"),
    ("GET", "/owa/prem/15.1.544.27/resources/images/0/sprite1.mouse.png", "-"),
    ("POST", "/Microsoft-Server-ActiveSync/default.eas", "Cmd=Ping&User=user{u}&DeviceId={d}&DeviceType=iPhone"),
    ("POST", "/EWS/Exchange.asmx", "&CorrelationID=<empty>;&cafeReqId={c};"),
    ("POST", "/mapi/emsmdb/", "MailboxId={c}@example.com&CorrelationID=<empty>;"),
    ("GET", "/owa/healthcheck.htm", "-"),
)


class _Source:
    """Draws what all kinds of row share.

    Args:
        seed: The same seed gives the same rows.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.users = [f"user{number:04}" for number in range(2500)]
        self.peers = [f"203.0.113.{number}" for number in range(1, 250)]
        self.clients = [f"10.{a}.{b}.{c}" for a in range(3) for b in range(10) for c in range(1, 60)]
        self._now = _BEGIN

    def tick(self, most: float) -> str:
        """Let up to so many seconds pass, and give the time as Exchange writes it."""
        self._now += dt.timedelta(milliseconds=int(self.random.random() * most * 1000))
        return self._now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._now.microsecond // 1000:03}Z"

    def second(self, most: float) -> str:
        """Let time pass, and give it as IIS writes it."""
        return self.tick(most)[:19].replace("T", " ")

    def hexadecimal(self, digits: int) -> str:
        """Give a number such as an identifier has."""
        return f"{self.random.getrandbits(digits * 4):0{digits}x}"

    def guid(self) -> str:
        """Give a GUID."""
        text = self.hexadecimal(32)
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def tracking(seed: int = SEED) -> Iterator[str]:
    """Give rows of message tracking: some 600 bytes each, an eighth of them with a quoted value."""
    source = _Source(seed)
    chance, choice = source.random.random, source.random.choice
    while True:
        number = source.random.randrange(10**13, 10**14)
        identifier = f"<{source.hexadecimal(32)}@EX16A.example.com>"
        network = source.guid()
        sender, recipient = (f"{choice(source.users)}@example.com" for _ in range(2))
        subject = choice(_QUOTED_SUBJECTS) if chance() < 0.12 else choice(_SUBJECTS)
        client, size = choice(source.clients), source.random.randrange(2000, 900_000)
        agents = (
            "S:E2ELatency=2.184;S:MsgRecipCount=1;S:IncludeInSla=True;S:IsSmtpResponseFromExternalServer=False;"
            f"S:ExternalOrgId={source.guid()};S:DeliveryPriority=Normal;S:AccountForest=example.com"
        )
        tail = f"{network},{recipient},{{status}},{size},1,,,{subject},{sender},{sender},"
        log = ",15.01.0544.027"
        yield (
            f"{source.tick(0.4)},{client},EX16A.example.com,10.0.0.11,EX16A,08D3EB{source.hexadecimal(10).upper()};"
            f"{source.tick(0.01)};0,EX16A\\Default EX16A,SMTP,RECEIVE,{number},{identifier},"
            f"{tail.format(status='')}0cA: ,Originating,,{client},10.0.0.11,S:ProxyHop1=EX16A.example.com(10.0.0.11);"
            f"S:MessageValue=MediumHigh;{agents},Email,{source.guid()}{log}\r\n"
        )
        if chance() < 0.5:
            yield (
                f"{source.tick(0.1)},,,,EX16A,CatContentConversion,,AGENT,AGENTINFO,{number},{identifier},"
                f"{tail.format(status='')},Originating,,,,S:TRA=ETRL|RuleId=|st={source.tick(0.01)}|sev=1;"
                f"S:CompCost=|ETR=0;{agents},Email,{source.guid()}{log}\r\n"
            )
        yield (
            f"{source.tick(0.1)},10.0.0.11,EX16A,10.0.0.12,EX16B.example.com,08D3EB{source.hexadecimal(10).upper()};"
            f"250 2.0.0 OK;ClientSubmitTime:{source.tick(0.01)},Intra-Organization SMTP Send Connector,SMTP,SEND,"
            f"{number},{identifier},{tail.format(status='250 2.1.5 Recipient OK')}"
            f"2016-10-04T08:00:00.000Z;LSRV=EX16A.example.com:TOTAL-SUB=0.421|SA=0.118|MTSS-PEN=0.303,Originating,,,,"
            f"{agents},Email,{source.guid()}{log}\r\n"
        )
        if chance() < 0.7:
            status = '"250 2.1.5 Recipient OK, delivered"' if chance() < 0.05 else "Inbox"
            yield (
                f"{source.tick(0.1)},10.0.0.12,EX16B,10.0.0.12,EX16B,08D3EB{source.hexadecimal(10).upper()};"
                f"{source.tick(0.01)};ClientSubmitTime:,,STOREDRIVER,DELIVER,{number},{identifier},"
                f"{tail.format(status=status)}2016-10-04T08:00:00.000Z;SRV=EX16A.example.com:TOTAL-HUB=0.3|SMR=0.2,"
                f"Originating,,,,S:MailboxDatabaseName=DB01;{agents},Email,{source.guid()}{log}\r\n"
            )


def smtp(seed: int = SEED) -> Iterator[str]:
    """Give rows of an SMTP receive log: some 140 bytes each, an eighteenth of them with a quoted value."""
    source = _Source(seed)
    chance, choice = source.random.random, source.random.choice
    while True:
        session = f"08D3EB{source.hexadecimal(10).upper()}"
        remote = f"{choice(source.peers)}:{source.random.randrange(1025, 65535)}"
        head = f"EX16A\\Default Frontend EX16A,{session},"
        ends = f",10.0.0.11:25,{remote},"
        sender = f"{choice(source.users)}@partner{source.random.randrange(40)}.example.net"
        hello = f">,250  EX16A.example.com Hello [{remote.partition(':')[0]}] SIZE 37748736 PIPELINING DSN "
        queued = (
            f"[InternalId={source.random.getrandbits(44)}, Hostname=EX16A.example.com] "
            f"{source.random.randrange(2000, 9000)} bytes in 0.{source.random.randrange(999):03}"
        )
        lines = [
            "+,,",
            _GREETING,
            f"<,EHLO mx{source.random.randrange(60)}.example.net,",
            f"{hello}{_PLAIN_OFFERS}",
        ]
        if chance() < 0.4:
            lines += [
                "<,STARTTLS,",
                ">,220 2.0.0 SMTP server ready,",
                '*," CN=EX16A.example.com, OU=IT, O=Example, C=DE",Sending certificate subject',
                f"*,{source.hexadecimal(40).upper()},Certificate thumbprint",
                _NEGOTIATED,
                f"<,EHLO mx{source.random.randrange(60)}.example.net,",
                f"{hello}{_TLS_OFFERS}",
            ]
        if chance() < 0.2:
            lines += [
                "<,AUTH LOGIN,",
                ">,334 <authentication response>,",
                "*,SMTPSubmit SMTPAcceptAnyRecipient BypassAntiSpam AcceptRoutingHeaders,Set Session Permissions",
                f"*,EXAMPLE\\{choice(source.users)},authenticated",
                ">,235 2.7.0 Authentication successful,",
            ]
        lines += [
            f"<,MAIL FROM:<{sender}> SIZE={source.random.randrange(2000, 900_000)},",
            f"*,{session};{source.tick(0.01)};1,receiving message",
            ">,250 2.1.0 Sender OK,",
            f"<,RCPT TO:<{choice(source.users)}@example.com>,",
            ">,250 2.1.5 Recipient OK,",
            "<,BDAT 5812 LAST,",
            f">,250 2.6.0 <{source.hexadecimal(24)}@example.net> {queued},",
            "<,QUIT,",
            ">,221 2.0.0 Service closing transmission channel,",
            "-,,Local",
        ]
        for number, line in enumerate(lines):
            yield f"{source.tick(0.02)},{head}{number}{ends}{_quoted(line)}\r\n"


def _quoted(line: str) -> str:
    """Put quotes around what is between the event and the context of a line, where commas stand in it."""
    if '"' in line or line.count(",") == 2:
        return line
    event, _, rest = line.partition(",")
    data, _, context = rest.rpartition(",")
    return f'{event},"{data}",{context}'


def owa(seed: int = SEED) -> Iterator[str]:
    """Give rows of an IIS log of a site that serves Outlook on the web: some 300 bytes each."""
    source = _Source(seed)
    chance, choice = source.random.random, source.random.choice
    while True:
        method, path, query = choice(_PATHS)
        user = choice(source.users)
        filled = query.format(
            n=source.random.randrange(400), c=source.guid(), u=user[4:], d=source.hexadecimal(16).upper()
        )
        name = "-" if query == "-" or chance() < 0.15 else f"EXAMPLE\\{user}"
        referer = "https://mail.example.com/owa/" if path.startswith("/owa") and query != "-" else "-"
        status = choice(("200 0 0", "200 0 0", "200 0 0", "200 0 0", "302 0 0", "401 1 2148074254", "304 0 0"))
        yield (
            f"{source.second(0.1)} 10.0.0.11 {method} {path} {filled} 443 {name} {choice(source.clients)} "
            f"{choice(_AGENTS)} {referer} {status} {source.random.randrange(3000)}\r\n"
        )


HEADS = {
    "msgtrk": (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.0544.027\r\n#Log-type: Message Tracking Log\r\n"
        f"#Date: 2016-10-04T08:00:00.000Z\r\n#Fields: {_TRACKING_NAMES}\r\n"
    ),
    "smtp": (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Receive Protocol Log\r\n"
        f"#Date: 2016-10-04T08:00:00.000Z\r\n#Fields: {_SMTP_NAMES}\r\n"
    ),
    "owa": (
        "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2016-10-04 08:00:00\r\n"
        f"#Fields: {_W3C_NAMES}\r\n"
    ),
}
"""The lines that begin each format's file."""

NAMES = {"msgtrk": "MSGTRK2016100408-1.LOG", "smtp": "RECV2016100408-1.LOG", "owa": "u_ex161004.log"}
"""Each format's file name."""

_ROWS: dict[str, Callable[[int], Iterator[str]]] = {"msgtrk": tracking, "smtp": smtp, "owa": owa}


def write(folder: Path, format: str, size: int, seed: int = SEED) -> Path:  # noqa: A002 - the field's own word
    """Write a log.

    Its first `DISTINCT` bytes are rows of their own; what is larger repeats them, since to make rows takes far longer
    than to read them. No reader that is compared remembers as much.

    Args:
        folder: Where.
        format: One of `HEADS`.
        size: About how large it becomes, in bytes.
        seed: The same seed gives the same bytes.

    Returns:
        The file.
    """
    path = folder / NAMES[format]
    rows = _ROWS[format](seed)
    body = bytearray()
    while len(body) < min(size, DISTINCT):
        body += next(rows).encode()
    with path.open("wb") as stream:
        stream.write(HEADS[format].encode())
        for _ in range(max(1, round(size / len(body)))):
            stream.write(body)
    return path


def adversarial(rows: int, seed: int = SEED) -> tuple[bytes, list[str]]:
    """Give a message tracking log in which one row in twenty is bad in one of eight ways.

    Args:
        rows: How many good rows it has.
        seed: The same seed gives the same bytes.

    Returns:
        The log, and the message IDs of its good rows, each of which is there once.
    """
    source = tracking(seed)
    good: list[str] = []
    lines = [HEADS["msgtrk"].encode()]
    for number in range(rows):
        values = next(source).split(",", 10)
        identifier = f"<{number}@good.example>"
        good.append(identifier)
        lines.append(",".join((*values[:10], identifier, values[10].split(",", 1)[1])).encode())
        if number % 20 == 10:
            lines.append(_BAD[number // 20 % len(_BAD)](next(source).encode()))
    return b"".join(lines), good


_BAD: tuple[Callable[[bytes], bytes], ...] = (
    lambda row: row[:200] + b',"never ends\r\n',
    lambda row: row.replace(b",Email,", b',"E"mail,', 1),
    lambda row: row[:150] + b"\0" * 300 + b"\r\n",
    lambda row: row.replace(b",Originating,", b",Ori\rginating,", 1).replace(b"Email", b"E", 1),
    lambda row: row.replace(b",SMTP,", b",\xff\xfe,", 1),
    lambda row: b",".join(row.split(b",")[:10]) + b"\r\n",
    lambda row: row[:-2] + b",x" * 100_000 + b"\r\n",
    lambda row: (
        b"#Fields: date-time,event-id,message-id\r\n"
        + row[:24]
        + b",SEND,<other columns>\r\n"
        + (b"#Fields: " + _TRACKING_NAMES.encode() + b"\r\n")
    ),
)
