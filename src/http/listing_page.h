/* SPDX-License-Identifier: MIT */
/* The fixed parts of a folder's page. */
#ifndef UG_HTTP_LISTING_PAGE_H
#define UG_HTTP_LISTING_PAGE_H

/* Nothing from anywhere, but the style sheet inside the page. */
#define LISTING_POLICY                                                                                                 \
	"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

#define LISTING_TOP                                                                                                    \
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                                      \
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                                   \
	"<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n"

#define LISTING_STYLE                                                                                                  \
	"<style>\n"                                                                                                    \
	":root{--bg:#fbfbfa;--card:#fff;--text:#1d2126;--soft:#626a74;--line:#e6e8ea;--link:#0b57d0;"                  \
	"--hover:#f1f4f9;--icon:#8a929c;--dir:#3b7ddd}\n"                                                              \
	"@media (prefers-color-scheme:dark){:root{--bg:#15181c;--card:#1c2025;--text:#e6e8eb;--soft:#9aa3ad;"          \
	"--line:#2c3138;--link:#8ab4f8;--hover:#252b33;--icon:#7b848e;--dir:#7fb0f5}}\n"                               \
	"*{box-sizing:border-box}\n"                                                                                   \
	"body{margin:0 auto;max-width:64rem;padding:2rem 1.5rem 3rem;background:var(--bg);color:var(--text);"          \
	"font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",sans-serif}\n"                   \
	"a{color:var(--link);text-decoration:none}\n"                                                                  \
	"a:hover{text-decoration:underline}\n"                                                                         \
	"a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:4px}\n"                        \
	"nav ol{display:flex;flex-wrap:wrap;margin:0;padding:0;list-style:none;font-size:1.375rem;"                    \
	"font-weight:600;line-height:1.35}\n"                                                                          \
	"nav li{min-width:0;overflow-wrap:anywhere}\n"                                                                 \
	"nav li+li::before{content:\"/\";margin:0 .45rem;color:var(--soft);font-weight:400}\n"                         \
	"nav [aria-current]{color:var(--text)}\n"                                                                      \
	"header p{margin:.25rem 0 1.25rem;color:var(--soft);font-size:.875rem}\n"                                      \
	"main{background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}\n"               \
	"table{width:100%;border-collapse:collapse}\n"                                                                 \
	"th,td{padding:.6rem 1rem;text-align:left;font-weight:400;vertical-align:middle}\n"                            \
	"thead th{border-bottom:1px solid var(--line);font-size:.8125rem}\n"                                           \
	"thead a{color:var(--soft);font-weight:600;white-space:nowrap}\n"                                              \
	"thead abbr{font-weight:400;text-decoration:none}\n"                                                           \
	"[aria-sort]>a{color:var(--text)}\n"                                                                           \
	"[aria-sort=ascending]>a::after{content:\" \\2191\"}\n"                                                        \
	"[aria-sort=descending]>a::after{content:\" \\2193\"}\n"                                                       \
	"tbody tr+tr>*{border-top:1px solid var(--line)}\n"                                                            \
	"tbody tr:hover{background:var(--hover)}\n"                                                                    \
	"tbody th{width:100%;padding:0}\n"                                                                             \
	"tbody th a{display:flex;align-items:center;gap:.7rem;padding:.6rem 1rem;overflow-wrap:anywhere}\n"            \
	"tbody bdi{min-width:0}\n"                                                                                     \
	".slash{margin-left:-.7rem;color:var(--soft)}\n"                                                               \
	"svg{flex:none;width:1.25rem;height:1.25rem;fill:none;stroke:var(--icon);stroke-width:1.5;"                    \
	"stroke-linejoin:round;stroke-linecap:round}\n"                                                                \
	".dir svg{stroke:var(--dir)}\n"                                                                                \
	"h1{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%)}\n"                \
	".size,.date{white-space:nowrap;font-variant-numeric:tabular-nums}\n"                                          \
	".size{text-align:right}\n"                                                                                    \
	"td{color:var(--soft);font-size:.875rem}\n"                                                                    \
	".empty{margin:0;padding:2rem 1rem;color:var(--soft);text-align:center}\n"                                     \
	"@media (max-width:40rem){\n"                                                                                  \
	"body{padding:1.25rem .75rem 2rem}\n"                                                                          \
	"nav ol{font-size:1.125rem}\n"                                                                                 \
	"nav a{display:inline-block;padding:.55rem 0;margin:-.35rem 0}\n"                                              \
	"table,thead,tbody{display:block}\n"                                                                           \
	"thead tr{display:flex;gap:1.25rem;padding:0 1rem;border-bottom:1px solid var(--line)}\n"                      \
	"thead th{padding:0;border:0}\n"                                                                               \
	"thead a{display:inline-block;padding:.75rem 0}\n"                                                             \
	"thead abbr{display:none}\n"                                                                                   \
	"tbody tr{position:relative;display:flex;flex-wrap:wrap;padding:0 1rem .55rem 2.95rem}\n"                      \
	"tbody tr+tr{border-top:1px solid var(--line)}\n"                                                              \
	"tbody tr+tr>*{border-top:0}\n"                                                                                \
	"tbody th{margin:0 -1rem 0 -2.95rem;flex:0 0 calc(100% + 3.95rem)}\n"                                          \
	"tbody th a{align-items:flex-start;padding:.55rem 1rem .1rem}\n"                                               \
	"tbody th a::after{content:\"\";position:absolute;inset:0}\n"                                                  \
	"svg{margin-top:.125rem}\n"                                                                                    \
	"tbody td{padding:0;font-size:.8125rem}\n"                                                                     \
	"td.size:not(:empty)::after{content:\"\\00b7\";margin:0 .4rem}\n"                                              \
	"tbody .up{padding:0 1rem}\n"                                                                                  \
	"tbody .up th{margin:0 -1rem;flex-basis:calc(100% + 2rem)}\n"                                                  \
	"tbody .up a{padding:.65rem 1rem}\n"                                                                           \
	"}\n"                                                                                                          \
	"</style>\n"

#define LISTING_ICONS                                                                                                  \
	"<svg hidden aria-hidden=\"true\" style=\"display:none\">"                                                     \
	"<symbol id=\"d\" viewBox=\"0 0 20 20\"><path d=\"M2.5 5.5a1.5 1.5 0 0 1 1.5-1.5h3.6l2 2.2h6.4a1.5 "           \
	"1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5h-12a1.5 1.5 0 0 1-1.5-1.5z\"/></symbol>"                            \
	"<symbol id=\"f\" viewBox=\"0 0 20 20\"><path d=\"M5.5 2.5h6l4 4v10a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-"          \
	"13a1 1 0 0 1 1-1zM11.5 2.5v4h4\"/></symbol>"                                                                  \
	"<symbol id=\"u\" viewBox=\"0 0 20 20\"><path d=\"M10 16V4M5 9l5-5 5 5\"/></symbol>"                           \
	"</svg>\n"

#define LISTING_ICON(id) "<svg aria-hidden=\"true\"><use href=\"#" id "\"/></svg>"
#define LISTING_ICON_DIR LISTING_ICON("d")
#define LISTING_ICON_FILE LISTING_ICON("f")
#define LISTING_PARENT                                                                                                 \
	"<tr class=\"up\"><th scope=\"row\"><a href=\"../\">" LISTING_ICON(                                            \
		"u") "Parent folder</a></th><td></td><td></td></tr>\n"
#define LISTING_END "</main>\n</body>\n</html>\n"

#endif
