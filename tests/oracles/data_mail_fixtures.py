#!/usr/bin/env python3
"""Writes the mails of src/data/testdata/mail/ and what Python's email library reads in them (expected.json).

Each mail is written out here byte by byte with the text that a person would read in it; the script stops where
data_mail.py reads another text.
"""
import base64
import json
import pathlib
import quopri

import data_mail

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "src/data/testdata/mail"


def part(kind, data, encoding="7bit"):
    return b"Content-Type: %s\nContent-Transfer-Encoding: %s\n\n%s" % (kind.encode(), encoding.encode(), data)


def mail(subject, kind, data, encoding="7bit"):
    return b"From: a@example.org\nSubject: %s\nMIME-Version: 1.0\n" % subject + part(kind, data, encoding)


def multipart(subject, kind, *parts, end=b"--b1--\n"):
    data = b"preamble\n" + b"".join(b"--b1\n" + p + b"\n" for p in parts) + end
    return mail(subject, f'multipart/{kind}; boundary="b1"', data)


def b64(text):
    return base64.encodebytes(text)


GREEK = "Καλημέρα κόσμε"
RUSSIAN = "Привет, мир"
CHINESE = "你好，世界"
HTML = b"""<html><head><title>Offer</title><style>p { color: red }</style><script>var a = "<p>no</p>";</script></head>
<body bgcolor=white><!-- <b>hidden</b> --><p>Fish &amp; chips&nbsp;for &pound;5 &#150; &#x20AC;6</p>
<p>V<b></b>ia<!-- x -->gra<br>one<td>two &copy 2002 &unknown; 1 < 2<![if !x]>end<![endif]></body></html>"""

MAILS = {
    "plain": (b"Subject: Hello\n\nOne\n  two\t three\r\nfour\n", "Hello", "One two three four"),
    "crlf": (b"Subject: Hello\r\n there\r\nTo: b\r\n\r\nOne\r\ntwo\r\n", "Hello there", "One two"),
    "mbox": (b"From a@example.org Thu Aug 22 12:36:23 2002\nSubject: Hello\n\nFrom here on\n>From there\n", "Hello",
             "From here on >From there"),
    "no_subject": (b"To: b\n\nbody\n", "", "body"),
    "folded": (b"Received: from x\n\tby y\nSubject: one\n two\n\tthree\nTo: b\n\nbody\n", "one two three", "body"),
    "words": (b"Subject: Re: =?utf-8?B?" + base64.b64encode(RUSSIAN.encode()) + b"?=\n =?iso-8859-1?Q?caf=E9_noir?= end"
              b"\n\nbody\n", f"Re: {RUSSIAN}café noir end", "body"),
    "words_cut": (b"Subject: =?UTF-8?B?" + base64.b64encode(CHINESE.encode()[:4]) + b"?= =?UTF-8?B?" +
                  base64.b64encode(CHINESE.encode()[4:]) + b"?=\n\nbody\n", CHINESE, "body"),
    "words_japanese": (b"Subject: =?iso-2022-jp?B?" + base64.b64encode("日本".encode("iso-2022-jp")) +
                       b"?=\n\t=?iso-2022-jp?B?" + base64.b64encode("語".encode("iso-2022-jp")) + b"?=\n\nbody\n",
                       "日本語", "body"),
    "quoted_printable": (mail(b"qp", "text/plain; charset=utf-8", quopri.encodestring(
        ("long " * 30 + GREEK + " = done").encode()), "quoted-printable"), "qp", "long " * 30 + GREEK + " = done"),
    "base64": (mail(b"b64", "text/plain; charset=utf-8", b64(GREEK.encode()), "base64"), "b64", GREEK),
    "koi8": (mail(b"koi", "text/plain; charset=koi8-r", RUSSIAN.encode("koi8-r"), "8bit"), "koi", RUSSIAN),
    "gb2312": (mail(b"gb", 'text/plain; charset="GB2312"', CHINESE.encode("gb2312"), "8bit"), "gb", CHINESE),
    "gb2312_beyond": (mail(b"gb", "text/plain; charset=gb2312", "朱镕基".encode("gbk"), "8bit"), "gb", "朱镕基"),
    "unknown_charset": (mail(b"x", "text/plain; charset=x-nobody", b"caf\xe9 \x93quoted\x94", "8bit"), "x",
                        "café “quoted”"),
    "wrong_charset": (mail(b"x", "text/plain; charset=utf-8", b"caf\xe9", "8bit"), "x", "café"),
    "no_charset": (b"Subject: caf\xc3\xa9\n\nna\xc3\xafve\n", "café", "naïve"),
    "alternative": (multipart(b"alt", "alternative", part("text/plain; charset=utf-8", b"plain text"),
                              part("text/html", b"<p>html <i>text</i></p>")), "alt", "plain text html text"),
    "attachments": (multipart(b"att", "mixed", part("text/plain", b"read this"),
                              part("image/png", b64(b"\x89PNG"), "base64"),
                              b"Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nnot this",
                              part("application/pdf", b"nor this")), "att", "read this"),
    "nested": (multipart(b"outer", "mixed", part("text/plain", b"see below"),
                         part("message/rfc822", b"Subject: inner\nTo: c\n\ninner body")), "outer", "see below inner body"),
    "unclosed_boundary": (multipart(b"cut", "mixed", part("text/plain", b"first"), part("text/plain", b"second"),
                                    end=b""), "cut", "first second"),
    "no_boundary": (mail(b"none", 'multipart/mixed; boundary="never"', b"still here"), "none", "still here"),
    "html": (mail(b"html", "text/html; charset=us-ascii", HTML), "html",
             "Offer Fish & chips for £5 – €6 Viagra one two © 2002 &unknown; 1 < 2end"),
    "html_unclosed_comment": (mail(b"html", "text/html", b"<p>one<!--#rotate>two</p>"), "html", None),
    "delivery_report": (multipart(b"failed", "report", part("text/plain", b"not delivered"),
                                  part("text/rfc822-headers", b"Received: from secret")), "failed", "not delivered"),
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, (raw, subject, body) in MAILS.items():
        path = FOLDER / f"{name}.eml"
        path.write_bytes(raw)
        oracle = data_mail.read(path)[:2]
        if body is None:  # the one rule in which Python differs: an unclosed comment ends with its tag
            body = "onetwo"
        elif oracle != (subject, body):
            raise SystemExit(f"{name}: expected {(subject, body)}, Python reads {oracle}")
        expected[name] = {"subject": subject, "body": body}
    (FOLDER / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


main()
