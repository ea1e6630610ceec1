#!/usr/bin/env python3
"""Mail to text by Python's email and html.parser: the oracle of src/data/mail.h over the SpamAssassin corpus.

  data_mail.py compare DUMP.jsonl CORPUS   shows where {"file","subject","body"} lines of ours differ, by class
  data_mail.py digests CORPUS > FILE       writes src/data/testdata/corpus_digests.txt: a line for each */*.txt
                                           in order, the first eight digits of SHA-1(subject U+001F body)
  data_mail.py sizes CORPUS                prints how many rows are left without duplicates and contradictions, and the
                                           parts of the hash split (data/clean.h, data/split.h) with their ham

The rule is the one in mail.h. The oracle follows it by other means: other MIME, HTML, charset and RFC 2047 decoders.
What is left of 6,046 mails are 14 that are broken and that the two mend in different ways:
- quoted-printable with lone "=" (4): Python turns "==" into "=", we keep what is no code;
- base64 that is cut or followed by text (1): Python gives it undecoded, we decode as far as it goes;
- tags that are never closed or not well-formed (7): libxml2 and html.parser see their ends in different places, which
  moves or drops a space, or some characters of a tag;
- comments without their end (2): Python shows them as text, we let them end with their first ">".
"""
import collections
import email
import email.header
import hashlib
import html.parser
import json
import pathlib
import re
import sys

BLOCKS = set("""address applet article aside blockquote body br button canvas caption center col colgroup dd dir div dl
dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe img input
isindex legend li main menu nav noframes object ol option p pre section select table tbody td textarea tfoot th thead
title tr ul""".split())
SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
             "shift_jis": "cp932", "iso-8859-9": "cp1254"}
WINDOWS_1252 = {}
for byte in range(0x80, 0xA0):
    try:
        WINDOWS_1252[byte] = bytes([byte]).decode("cp1252")
    except UnicodeError:
        pass


def collapse(text):
    return " ".join(re.split(r"[\s\x00-\x1f\x7f]+", text)).strip(" ")


def decode(data, charset):
    charset = (charset or "utf-8").strip().lower()
    charset = "latin-1, always" if charset in ("us-ascii", "iso-8859-1") else charset
    try:
        return data.decode(SUPERSETS.get(charset, charset))
    except (LookupError, UnicodeError, ValueError):
        return data.decode("latin-1").translate(WINDOWS_1252)


class Text(html.parser.HTMLParser):
    CDATA_CONTENT_ELEMENTS = ("script", "style")

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out = []

    def separate(self, tag):
        if tag in BLOCKS:
            self.out.append("\n")

    def handle_starttag(self, tag, attrs):
        self.separate(tag)

    def handle_endtag(self, tag):
        self.separate(tag)

    def handle_data(self, data):
        if self.cdata_elem is None:
            self.out.append(data)


def html_text(source):
    parser = Text()
    parser.feed(re.sub(r"[\x00-\x1f\x7f]", " ", source))
    parser.close()
    return "".join(parser.out)


def subject(message):
    raw = message.get("Subject")
    if raw is None:
        return ""
    # Bytes beyond ASCII reach us as surrogates or as a Header object of charset unknown-8bit.
    if isinstance(raw, email.header.Header):
        raw = "".join(b.decode("ascii", "surrogateescape") if isinstance(b, bytes) else b
                      for b, _ in email.header.decode_header(raw))
    raw = re.sub(r"\r?\n(?=[ \t])", "", raw)
    if "=?" not in raw:
        return collapse(decode(raw.encode("utf-8", "surrogateescape"), ""))
    parts = []
    for data, charset in email.header.decode_header(raw):
        data = data.encode("raw-unicode-escape") if isinstance(data, str) else data
        parts.append(decode(data, charset))
    return collapse("".join(parts))


def body(message):
    texts = []
    for part in message.walk():
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        if part.get_content_maintype() == "multipart":  # no boundary was found
            texts.append(decode(part.get_payload().encode("ascii", "surrogateescape"), ""))
        if part.get_content_maintype() != "text" or part.get_content_type() == "text/rfc822-headers":
            continue
        text = decode(part.get_payload(decode=True), part.get_param("charset"))
        texts.append(html_text(text) if part.get_content_type() == "text/html" else text)
    return collapse(" ".join(texts))


def read(path):
    raw = path.read_bytes()
    message = email.message_from_bytes(raw)
    return subject(message), body(message), raw, message


def kind(ours, theirs, raw, message):
    """Why the two differ, as far as a rule of thumb tells."""
    if "html" in {p.get_content_type().split("/")[1] for p in message.walk()}:
        return "html"
    if re.sub(r"[^a-zA-Z0-9]", "", ours) == re.sub(r"[^a-zA-Z0-9]", "", theirs):
        return "only non-ASCII or punctuation"
    return "words"


def sizes(corpus):
    labels = collections.defaultdict(list)
    for path in sorted(corpus.glob("*/*.txt")):
        labels[" ".join(filter(None, read(path)[:2]))].append("ham" if "ham" in path.parent.name else "spam")
    labels.pop("", None)
    kept = {text: found[0] for text, found in labels.items() if len(set(found)) == 1}
    parts = collections.defaultdict(list)
    for text, label in kept.items():
        number = int(hashlib.sha1(text.encode()).hexdigest(), 16)
        is_validation = number // 10 % 1_000_000 < 125_000
        parts["test" if number % 10 < 2 else "valid" if is_validation else "train"].append(label)
    print(f"rows {len(kept)}, contradictory texts {len(labels) - len(kept)}")
    for name, found in parts.items():
        print(f"{name} {len(found)}, ham {found.count('ham')}")


def main():
    if sys.argv[1] == "sizes":
        return sizes(pathlib.Path(sys.argv[2]))
    if sys.argv[1] == "digests":
        corpus = pathlib.Path(sys.argv[2])
        for path in sorted(corpus.glob("*/*.txt")):
            key = "\x1f".join(read(path)[:2])
            print(hashlib.sha1(key.encode()).hexdigest()[:8])
        return
    classes = collections.defaultdict(list)
    total = 0
    for line in open(sys.argv[2]):
        ours = json.loads(line)
        total += 1
        their_subject, their_body, raw, message = read(pathlib.Path(ours["file"]))
        if "error" in ours:
            classes["error"].append((ours["file"], ours["error"], ""))
        elif ours["subject"] != their_subject:
            classes["subject"].append((ours["file"], ours["subject"], their_subject))
        elif ours["body"] != their_body:
            classes[kind(ours["body"], their_body, raw, message)].append((ours["file"], ours["body"], their_body))
    for name, files in classes.items():
        print(f"== {name}: {len(files)} of {total}")
        for file, ours, theirs in files[: int(sys.argv[3]) if len(sys.argv) > 3 else 5]:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
            print(f"{file[-50:]} at {at} of {len(ours)}/{len(theirs)}")
            print("   ours:  ", repr(ours[max(0, at - 40) : at + 60]))
            print("   theirs:", repr(theirs[max(0, at - 40) : at + 60]))


if __name__ == "__main__":
    main()
