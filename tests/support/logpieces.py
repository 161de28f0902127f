"""Files put together from pieces that look enough like logs to reach every branch of a reader."""

from __future__ import annotations

from hypothesis import strategies as st

from harness.events import Format

FORMATS = st.sampled_from(list(Format))
CSV_FIELDS = b"#Fields: date-time,a,b\r\n"
DAY = b"2024-01-31T08:00:00.000Z"

PIECES = st.sampled_from(
    [
        CSV_FIELDS,
        b"#Fields: date time c-ip\r\n",
        b"#Fields: time c-ip\n",
        b"#Date: 2024-01-31 23:59:00\r\n",
        b"# Date\tTime\tclient-ip\r\n",
        b"#Fields:\r\n",
        b"#Software: Microsoft Exchange Server\r\n",
        b"\xef\xbb\xbf",
        DAY + b",1,2\r\n",
        DAY + b',"quoted, ""twice""",2\r\n',
        DAY + b',"over\r\n',
        b'two lines",2\r\n',
        DAY + b',"never ends\n',
        b'",\r\n',
        b"2024-01-31 08:00:00 192.0.2.1\r\n",
        b"2024-1-31\t9:5:3 GMT\t192.0.2.1\t-\r\n",
        b"23:59:59 192.0.2.1\r\n",
        b"00:00:01 192.0.2.1\n",
        b"\x00" * 7,
        b"\r",
        b"\n",
        b"\r\n",
        b'"',
        b",",
        b" ",
        b"\xff\xe9",
        b"x" * 70,
        b"x\0#Fields: date-time,b\r\n",
        DAY + b',1,"cut in the last value\r\n',
        DAY + b",a,\r\n" + DAY + b",,b\n" + DAY + b',"","c, d"\r\n',
        DAY + b",\xc3\xa4,\xff\r\n" + DAY + b",\xe4\xbc\x9a,z\r\n",
        DAY + b',"a"b,2\r\n' + DAY + b',a"b,2\r\n',
        DAY + b"," * 300 + b"\r\n",
        b"#Fields: date-time,b,a,c\r\n" + DAY + b",1,2,3\r\n",
        b"2024-01-31 08:00:00 a\r\n2024-01-31 08:00:01  b\r\n2024-01-31 08:00:02 \r\n 2024-01-31 08:00:03 c\r\n",
    ]
)
FILES = st.one_of(st.lists(PIECES, max_size=25).map(b"".join), st.binary(max_size=200))
