#!/usr/bin/env python3
"""Make HTML and man pages from the docstrings of the public headers and from docs/*.md, or check the headers.

usage: scripts/docs.py HEADERS OUTPUT             OUTPUT/html and OUTPUT/man/man3
       scripts/docs.py --install HEADERS FOLDER   man pages into FOLDER/man3 below $MESON_INSTALL_DESTDIR_PREFIX, their names
                                                  into $MESON_BUILD_ROOT/man-pages.txt for `make uninstall`
       scripts/docs.py --check HEADERS LIBRARY    each function has a docstring, and LIBRARY exports just those declared

A docstring is the comment right above a declaration. Declarations that follow each other without an empty line share
one. A comment whose first line ends in dashes opens a section; what it says besides is the section's introduction.
"""
import html
import os
import re
import shutil
import subprocess
import sys

KEYWORDS = ("char const do double else enum extern for if int long return short signed size_t sizeof ssize_t static "
            "struct switch case default break continue typedef union unsigned void while inline int32_t int64_t "
            "uint8_t uint16_t uint32_t uint64_t uintptr_t").split()


# ---- reading headers ------------------------------------------------------------------------------------------

class Item:
    """A comment, a macro or a declaration, and the lines on which it stands."""

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line
        self.end = line + text.count("\n")
        self.apart = False  # an empty line stands above
        self.trailing = ""  # the comment behind it on its last line

    def names(self):
        """What it declares. The first name is the one that it is known by."""
        if self.kind == "macro":
            return re.findall(r"#\s*define\s+(\w+)", self.text)
        if self.is_function():
            return [self.function_name()]
        body = strip_comments(self.text)
        found = re.findall(r"^\s*(?:typedef\s+)?(?:struct|union|enum)\s+(\w+)", body)
        enum = re.match(r"\s*(?:typedef\s+)?enum\b[^{]*{(.*)}", body, re.S)
        if enum:
            found += re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"\([^)]*\)", "", enum.group(1)))
        if body.lstrip().startswith("typedef"):
            last = (re.search(r"\(\*(\w+)\)\s*\(", body) or re.search(r"(\w+)\s*\([^{}]*\)\s*;$", body) or
                    re.search(r"(\w+)\s*;\s*$", body))
            if last and last.group(1) not in found:
                found.append(last.group(1))
        elif not found:
            found = re.findall(r"(\w+)\s*(?:\[[^]]*\])?\s*;\s*$", body)
        return found

    def bare(self):
        """The declaration without attributes."""
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*(?=\w)", "", strip_comments(self.text), flags=re.S)
        return re.sub(r"\b(?:UG_MUST_CHECK|UG_[A-Z]+_LIKE\([^)]*\))\s*", "", text).strip()

    def is_function(self):
        text = self.bare()
        return (self.kind == "declaration" and not re.match(r"(typedef|extern\s+const|_Static_assert)\b", text) and
                bool(re.match(r"[\w\s*]+\(", text)) and "{" not in text.split("(")[0])

    def is_function_by_typedef(self):
        """`ug_split_fn ug_split_lines;` declares a function too."""
        return self.kind == "declaration" and bool(re.match(r"ug_\w+_fn\s+\w+\s*;$", self.bare()))

    def is_inline(self):
        return "static" in self.text.split("(")[0].split()

    def function_name(self):
        return re.match(r"[\w\s*]*?(\w+)\s*\(", self.bare()).group(1)

    def is_callable(self):
        """A function, or a macro that is used like one."""
        return (self.is_function() or self.is_function_by_typedef() or
                (self.kind == "macro" and bool(re.match(r"#\s*define\s+ug_\w+\(", self.text))))

    def is_private(self):
        return not any(re.match(r"(ug_(?!_)|UG_(?!_)|errno$)", n) for n in self.names())

    def shown(self):
        """As a reader of the manual wants to see it: no bodies, no fields of the library's own."""
        if self.kind == "macro":
            head = re.match(r"#\s*define\s+(\w+\([^)]*\))", self.text)
            text = head.group(1) if head else re.sub(r"\s*\\\n\s*", " ", self.text)
        elif self.is_function():
            text = re.sub(r"\s*{.*", ";", self.text, flags=re.S) if self.is_inline() else self.text
            text = re.sub(r"^static inline ", "", text)
        else:
            own = re.compile(r"^[ \t]+[^\n;{}]*\b(?:\w+_|reserved)(?:\[[^]]*\])?;[^\n]*\n", re.M)
            text, hidden = own.subn("", self.text)
            if hidden:
                text = re.sub(r"\n}", "\n\t/* … the library's own */\n}", text, count=1)
        return text + (" " + self.trailing if self.trailing else "")


class Entry:
    """A docstring and what it is about."""

    def __init__(self, doc, documented):
        self.doc, self.documented, self.items = doc, documented, []

    def public(self):
        return [i for i in self.items if not i.is_private()]

    def names(self):
        return [n for i in self.public() for n in i.names() if not re.match(r"(ug__|UG__)", n)]


class Section:
    def __init__(self, title, intro):
        self.title, self.intro, self.entries = title, intro, []


class Header:
    def __init__(self, path):
        self.name, self.intro = os.path.basename(path), ""
        with open(path, encoding="utf-8") as f:
            self.items = read_items(f.read())
        self.sections = [Section("", "")]
        self.build()

    def build(self):
        entry = None
        for item in self.items:
            if item.kind == "comment":
                entry = self.comment(comment_text(item.text))
            else:
                if entry is None or item.apart:
                    entry = self.add(Entry("", False))
                entry.items.append(item)
        for s in self.sections:
            s.entries = [e for e in s.entries if e.public() or (e.doc and not e.items)]

    def comment(self, text):
        """The entry that a comment begins, if it does."""
        title = re.match(r"([^\n]*?) *-{5,}\s*", text)
        if text.startswith("SPDX"):
            return None
        if text.startswith("undergo/"):
            text = re.sub(r"^undergo/\w+\.h: ", "", text)
            self.intro = text[:1].upper() + text[1:]
            return None
        if title:
            self.sections.append(Section(title.group(1), text[title.end():]))
            return self.add(Entry("", True))
        return self.add(Entry(text, True))

    def add(self, entry):
        self.sections[-1].entries.append(entry)
        return entry

    def page(self):
        return self.name[:-2] + ".html"

    def summary(self):
        return re.split(r"[.;]\s|\.$", self.intro)[0].replace("\n", " ")

    def entries(self):
        return [e for s in self.sections for e in s.entries]


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def comment_text(comment):
    lines = comment[2:-2].split("\n")
    lines = [lines[0].strip()] + [re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines[1:]]
    return "\n".join(lines).strip("\n")


def read_items(text):
    """Splits a header into items. Of each `#ifdef __cplusplus` only the part for C is read."""
    items, pos, shown, apart = [], 0, [], False

    def add(kind, end):
        nonlocal apart
        items.append(Item(kind, text[pos:end].rstrip(), line))
        items[-1].apart, apart = apart, False

    while True:
        space = re.match(r"[\s;]*", text[pos:]).group(0)
        apart |= space.count("\n") > 1
        pos += len(space)
        if pos >= len(text):
            return items
        line = text.count("\n", 0, pos)
        if not all(shown) and text[pos] != "#":
            end = text.index("\n", pos)
        elif text.startswith("/*", pos):
            end = text.index("*/", pos) + 2
            if items and items[-1].kind != "comment" and items[-1].end == line:
                items[-1].trailing = text[pos:end]
                items[-1].end = line + text.count("\n", pos, end)
            else:
                add("comment", end)
        elif text[pos] == "#":
            end = pos + len(re.match(r"(?:[^\n\\/]|\\\n|\\.|/(?!\*))*", text[pos:]).group(0))
            directive = text[pos:end].rstrip()
            word = re.match(r"#\s*(\w+)", directive).group(1)
            if word in ("if", "ifdef", "ifndef"):
                shown.append("__cplusplus" not in directive or word == "ifndef")
            elif word in ("else", "elif"):
                shown[-1] = not shown[-1]
            elif word == "endif":
                shown.pop()
            elif word == "define" and all(shown):
                add("macro", end)
        else:
            end = end_of_declaration(text, pos)
            add("declaration", end)
        pos = end


def end_of_declaration(text, start):
    """Behind the semicolon of a declaration, or the closing brace of a function's body."""
    pos, depth = start, 0
    while pos < len(text):
        c = text[pos]
        if text.startswith("/*", pos):
            pos = text.index("*/", pos) + 1
        elif c in "({[":
            depth += 1
        elif c in ")}]":
            depth -= 1
            if c == "}" and depth == 0 and re.search(r"\)\s*{", strip_comments(text[start:pos])):
                return pos + 1
        elif c == ";" and depth == 0:
            return pos + 1
        pos += 1
    sys.exit("a declaration does not end: " + text[start:start + 60])


def read_headers(folder):
    names = sorted(n for n in os.listdir(folder) if n.endswith(".h") and n != "undergo.h")
    order = ["base.h", "sched.h", "sync.h", "io.h", "os.h", "net.h", "http.h"]
    names.sort(key=lambda n: order.index(n) if n in order else len(order))
    return [Header(os.path.join(folder, n)) for n in names]


# ---- checking -------------------------------------------------------------------------------------------------

def check(headers, library):
    bad, declared = [], {}
    for h in headers:
        for e in h.entries():
            for i in e.public():
                if i.is_callable() and not (e.documented or i.trailing):
                    bad.append(f"{h.name}:{i.line + 1}: {i.names()[0]} has no docstring")
        for i in h.items:
            if (i.is_function() and not i.is_inline()) or i.is_function_by_typedef():
                declared[i.names()[-1]] = h.name
    table = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    exported = {re.sub(r"@.*", "", line.split()[-1]) for line in table.splitlines() if line.split()[-2] != "A"}
    bad += [f"{declared[n]}: {n} is declared, and the library does not export it" for n in declared.keys() - exported]
    bad += [f"{n} is exported, and no public header declares it" for n in exported - declared.keys()]
    for line in sorted(bad):
        print(line)
    print(f"{len(declared)} functions declared, {len(exported)} exported, {len(bad)} faults")
    return 1 if bad or not declared else 0


# ---- HTML -----------------------------------------------------------------------------------------------------

STYLE = """
:root { --fg: #1d232b; --dim: #5c6773; --bg: #fff; --panel: #f5f6f8; --line: #e2e5ea; --link: #0b62b5; --key: #8a2f7b;
	--comment: #6a7480; --string: #22703a; color-scheme: light dark }
@media (prefers-color-scheme: dark) { :root { --fg: #dfe3e8; --dim: #98a2ad; --bg: #14171b; --panel: #1c2026;
	--line: #2d333b; --link: #6db3f2; --key: #d791c7; --comment: #8b96a2; --string: #8fcf9f } }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--fg); background: var(--bg) }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
nav { padding: 1rem 1.25rem; background: var(--panel); border-bottom: 1px solid var(--line) }
nav b { display: block; margin: .8rem 0 .2rem; font-size: .8rem; color: var(--dim) }
nav a { display: inline-block; margin-right: .9rem } nav .home { font-weight: 700; color: var(--fg) }
main { padding: 1rem 1.25rem 5rem; max-width: 54rem; min-width: 0 }
@media (min-width: 62rem) { body { display: grid; grid-template-columns: 15rem 1fr }
	nav { border: 0; border-right: 1px solid var(--line); position: sticky; top: 0; height: 100vh; overflow: auto }
	nav a { display: block; margin: 0; padding: .08rem 0 } main { padding: 1.5rem 3rem 6rem } }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .6rem 0 1rem }
h2 { margin: 2.6rem 0 .6rem; font-size: 1.35rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem }
h3 { margin: 1.8rem 0 .4rem; font-size: 1.08rem }
code, pre { font: .86em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; tab-size: 4 } code { overflow-wrap: anywhere }
code.short { white-space: nowrap }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .85rem; overflow-x: auto }
.entry { margin: 1.5rem 0; scroll-margin-top: 1rem } .entry pre { margin: 0 0 .5rem } .entry p { margin: .35rem 0 }
pre.is { white-space: pre-wrap } .entry:target pre.is { border-color: var(--link) }
.k { color: var(--key) } .c { color: var(--comment) } .s { color: var(--string) }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .9rem .35rem 0; text-align: left; vertical-align: top }
.names { columns: 15rem; font-size: .95rem } .names a { display: block }
"""


def escape(text):
    return html.escape(text, quote=False)


def code_span(text, inner):
    """A piece of code in a line of prose; a short one is not broken at its minus sign."""
    return f'<code class="short">{inner}</code>' if len(text) < 32 else f"<code>{inner}</code>"


class Pages:
    def __init__(self, headers):
        self.anchors = {}  # a public name: page#anchor
        for h in headers:
            for e in h.entries():
                for n in e.names():
                    self.anchors.setdefault(n, f"{h.page()}#{e.names()[0]}")

    def link(self, text, skip=()):
        """Escaped text, with each public name as a link to its entry."""
        def one(m):
            name = m.group(0)
            return name if name in skip or name not in self.anchors else f'<a href="{self.anchors[name]}">{name}</a>'
        return re.sub(r"\b(?:ug|UG)_\w+", one, text)

    def code(self, text, skip=()):
        token = re.compile(r"(?P<c>/\*.*?\*/)|(?P<s>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])+')|(?P<k>#\s*\w+|\b\w+\b)", re.S)

        def paint(m):
            word = escape(m.group(0))
            if m.lastgroup == "k" and not word.startswith("#") and word not in KEYWORDS:
                return self.link(word, skip)
            return f'<span class="{m.lastgroup}">{word}</span>'

        out, last = [], 0
        for m in token.finditer(text):
            out += [escape(text[last:m.start()]), paint(m)]
            last = m.end()
        return "".join(out) + escape(text[last:])

    def prose(self, text, skip=()):
        """A docstring: paragraphs, and code where lines start with a tab."""
        out = []
        for block in re.split(r"\n\s*\n", text.strip("\n")):
            for is_code, lines in runs(block.split("\n")):
                if is_code:
                    out.append("<pre>" + self.code("\n".join(line[1:] for line in lines)) + "</pre>")
                else:
                    out.append("<p>" + self.words(" ".join(lines), skip) + "</p>")
        return "\n".join(out)

    def words(self, text, skip=()):
        parts = re.split(r"(`[^`]+`)", text)
        for i, part in enumerate(parts):
            if i % 2:
                parts[i] = code_span(part, self.link(escape(part[1:-1]), skip))
            else:
                parts[i] = re.sub(r"(?<!\w)-E[A-Z0-9]+\b", r'<code class="short">\g<0></code>', self.link(escape(part), skip))
        return "".join(parts)

    def header(self, h):
        out = [f"<h1>undergo/{h.name}</h1>", self.prose(h.intro)]
        for s in h.sections:
            if not s.entries and not s.intro:
                continue
            if s.title:
                out.append(f'<h2 id="{slug(s.title)}">{escape(s.title)}</h2>')
            if s.intro:
                out.append(self.prose(s.intro))
            for e in s.entries:
                names = e.names()
                where = f' id="{names[0]}"' if names else ""
                code = "\n".join(self.code(i.shown(), skip=names) for i in e.public())
                out.append(f'<div class="entry"{where}>' + (f'<pre class="is">{code}</pre>' if code else "") +
                           (self.prose(e.doc, names) if e.doc else "") + "</div>")
        return "\n".join(out)

    # Markdown, as far as docs/ uses it.

    def markdown(self, text, base):
        out, lines, i = [], text.split("\n"), 0

        def take(while_):
            nonlocal i
            start = i
            while i < len(lines) and while_(lines[i]):
                i += 1
            return lines[start:i]

        while i < len(lines):
            line = lines[i]
            if line.startswith("```"):
                end = lines.index("```", i + 1)
                body = "\n".join(lines[i + 1:end])
                out.append("<pre>" + (self.code(body) if line[3:] == "c" else escape(body)) + "</pre>")
                i = end + 1
            elif line.startswith("    "):
                out.append("<pre>" + escape("\n".join(x[4:] for x in take(lambda x: x.startswith("    ")))) + "</pre>")
            elif line.startswith("#"):
                level, title = re.match(r"(#+)\s*(.*)", line).groups()
                out.append(f'<h{len(level)} id="{slug(title)}">{self.span(title, base)}</h{len(level)}>')
                i += 1
            elif line.startswith("|"):
                out.append(self.table(take(lambda x: x.startswith("|")), base))
            elif re.match(r"(-|\d+\.) ", line):
                tag, points = "ul" if line[0] == "-" else "ol", []
                for x in take(lambda x: re.match(r"(-|\d+\.) |\s+\S", x)):
                    point = re.match(r"(-|\d+\.) ", x)
                    if point:
                        points.append(x[point.end():])
                    else:
                        points[-1] += " " + x.strip()
                out.append(f"<{tag}>" + "".join(f"<li>{self.span(p, base)}</li>" for p in points) + f"</{tag}>")
            elif not line.strip():
                i += 1
            else:
                words = take(lambda x: x.strip() and not re.match(r"```|#|\||- ", x))
                out.append("<p>" + self.span(" ".join(words), base) + "</p>")
        return "\n".join(out)

    def table(self, lines, base):
        rows = [[c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
        out = []
        for n, row in enumerate(r for r in rows if not all(re.match(r":?-+:?$", c) for c in r)):
            tag = "td" if n else "th"
            out.append("<tr>" + "".join(f"<{tag}>{self.span(c, base)}</{tag}>" for c in row) + "</tr>")
        return "<table>" + "".join(out) + "</table>"

    def span(self, text, base):
        parts = re.split(r"(`[^`]+`)", text)
        for i, part in enumerate(parts):
            if i % 2:
                parts[i] = code_span(part, self.link(escape(part[1:-1])))
            else:
                part = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(part))
                parts[i] = re.sub(r"(?<!\w)\*([^*\s][^*]*)\*", r"<i>\1</i>", part)
        return re.sub(r"\[([^]]+)\]\(([^)\s]+)\)", lambda m: f'<a href="{target(m.group(2), base)}">{m.group(1)}</a>',
                      "".join(parts))


def runs(lines):
    """Consecutive lines of one kind: (they start with a tab, the lines)."""
    out = []
    for line in lines:
        if not out or out[-1][0] != line.startswith("\t"):
            out.append((line.startswith("\t"), []))
        out[-1][1].append(line)
    return out


def slug(title):
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def page_name(path):
    """docs/guide/errors.md: guide-errors.html"""
    if path == "README.md":
        return "index.html"
    return os.path.relpath(path, "docs").replace("../", "").replace("/", "-")[:-3].lower() + ".html"


def target(link, base):
    """Where a link of a Markdown page leads among the pages; what is no page stays a file of the source."""
    if re.match(r"\w+:|#", link):
        return link
    path, _, anchor = link.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(base), path))
    if re.match(r"(README|docs/.*)\.md$", path):
        return page_name(path) + ("#" + anchor if anchor else "")
    if re.match(r"include/undergo/(?!undergo)\w+\.h$", path):
        return os.path.basename(path)[:-2] + ".html"
    return os.path.relpath(path, "build/docs/html")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def make_html(headers, out):
    pages = Pages(headers)
    texts = {os.path.join(where, n): read(os.path.join(where, n))
             for where, _, names in sorted(os.walk("docs")) for n in sorted(names) if n.endswith(".md")}
    title = {p: re.search(r"^# (.*)", text, re.M).group(1) for p, text in texts.items()}
    index = "docs/guide/README.md"
    guide = sorted((p for p in texts if p.startswith("docs/guide/")),
                   key=lambda p: -1 if p == index else texts[index].find(f"({os.path.basename(p)})"))

    def menu(what, links):
        return f"<b>{what}</b>" + "".join(f'<a href="{to}">{escape(name)}</a>' for to, name in links)

    nav = ('<nav><a class="home" href="index.html">undergo</a>' + menu("Headers", [(h.page(), h.name) for h in headers]) +
           menu("Guide", [(page_name(p), title[p]) for p in guide]) +
           menu("About the code", [(page_name(p), title[p]) for p in texts if p not in guide]) + "</nav>")

    def page(name, heading, body):
        write(os.path.join(out, name),
              '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
              f'initial-scale=1"><title>{escape(heading)}</title><style>{STYLE}</style>{nav}<main>{body}</main></html>\n')

    for h in headers:
        page(h.page(), "undergo/" + h.name, pages.header(h))
    for path, text in texts.items():
        page(page_name(path), title[path], pages.markdown(text, path))
    table = "".join(f'<tr><td><a href="{h.page()}">{h.name}</a></td><td>{pages.words(h.summary())}</td></tr>'
                    for h in headers)
    names = "".join(f'<a href="{pages.anchors[n]}">{n}</a>' for n in sorted(pages.anchors, key=str.lower))
    page("index.html", "undergo", pages.markdown(read("README.md"), "README.md") +
         f'<h2 id="headers">Headers</h2><table>{table}</table><h2 id="names">Every name</h2><div class="names">{names}</div>')
    return len(headers) + len(texts) + 1


# ---- man pages ------------------------------------------------------------------------------------------------

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def roff_prose(text):
    out = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        out.append(".PP")
        for is_code, lines in runs(block.split("\n")):
            body = roff("\n".join(line.expandtabs(4) for line in lines))
            out.append(f".EX\n{body}\n.EE" if is_code else body)
    return "\n".join(out)


def make_man(headers, out):
    """One page for each docstring that is about something callable, named by its first; the others lead there. Answers the files."""
    made = []
    for h in headers:
        for s in h.sections:
            for e in s.entries:
                names = [n for i in e.public() if i.is_callable() for n in i.names()]
                if not names:
                    continue
                doc = e.doc or s.intro
                brief = re.split(r"(?<=[^.])[.:;](?:\s|$)", doc.replace("\n", " "))[0] or s.title
                synopsis = roff("\n".join(i.shown() for i in e.public()).expandtabs(8))
                write(os.path.join(out, names[0] + ".3"), "\n".join([
                    f'.TH {names[0]} 3 "" "undergo" "undergo"', ".SH NAME", f'{", ".join(names)} \\- {roff(brief)}',
                    ".SH SYNOPSIS", ".nf", f"#include <undergo/{h.name}>", ".PP", synopsis, ".fi", ".SH DESCRIPTION",
                    roff_prose(doc), ""]))
                for n in names[1:]:
                    write(os.path.join(out, n + ".3"), f".so man3/{names[0]}.3\n")
                made += [os.path.join(out, n + ".3") for n in names]
    return made


def main(args):
    mode = args.pop(0) if args and args[0] in ("--check", "--install") else None
    if len(args) != 2 or args[0].startswith("-"):
        sys.exit(__doc__.split("\n\n")[1])
    headers = read_headers(args[0])
    if mode == "--check":
        return check(headers, args[1])
    if mode == "--install":
        made = make_man(headers, os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], args[1], "man3"))
        write(os.path.join(os.environ["MESON_BUILD_ROOT"], "man-pages.txt"), "\n".join(made) + "\n")
        return 0
    out = os.path.abspath(args[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    for kind in ("html", "man"):
        shutil.rmtree(os.path.join(out, kind), ignore_errors=True)
    pages = make_html(headers, os.path.join(out, "html"))
    names = make_man(headers, os.path.join(out, "man", "man3"))
    print(f"{args[1]}/html/index.html: {pages} pages; {args[1]}/man: {len(names)} names")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
