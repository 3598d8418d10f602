#include "src/report/escape.h"

#include <string>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("escaped text holds nothing that a terminal acts on") {
  struct Row {
    const char* name;
    std::string text;
    std::string expected;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", "blk.0.attn_q.weight", "blk.0.attn_q.weight"},
      {"UTF-8", "gr\u00fc\u00dfe \u6a21\u578b", "gr\u00fc\u00dfe \u6a21\u578b"},
      {"escape sequence", "\x1b[31mred", "\\x1b[31mred"},
      {"line ends and tab", "a\r\n\tb", "a\\x0d\\x0a\\x09b"},
      {"NUL", std::string("a\0b", 3), "a\\x00b"},
      {"DEL", "\x7f", "\\x7f"},
      {"C1 control as UTF-8", "\u009b31m", "\\u{009b}31m"},
      {"right-to-left override", "safe\u202egpj", "safe\\u{202e}gpj"},
      {"isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"},
      {"zero width space", "a\u200bb", "a\\u{200b}b"},
      {"byte order mark", "\ufeffx", "\\u{feff}x"},
      {"tag characters", "\U000e0041", "\\u{e0041}"},
      {"lone continuation", "a\x80", "a\\x80"},
      {"overlong", "\xc0\x80", "\\xc0\\x80"},
      {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"above U+10FFFF", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"cut sequence", "a\xe6\xa8", "a\\xe6\\xa8"},
      {"bad sequence before text", "\xe6(b", "\\xe6(b"},
  }));
  CAPTURE(row.name);
  CHECK(escaped(row.text) == row.expected);
}

TEST_CASE("without Unicode everything beyond ASCII is escaped") {
  CHECK(escaped("gr\u00fc\u00dfe", false) == "gr\\u{00fc}\\u{00df}e");
}

TEST_CASE("JSON stays the same document without invisible characters") {
  CHECK(json_escaped("{\n\"gr\u00fc\u00dfe \u6a21\": 1}") == "{\n\"gr\u00fc\u00dfe \u6a21\": 1}");
  CHECK(json_escaped("\"\x7f\u009b\u202e\"") == "\"\\u007f\\u009b\\u202e\"");
  CHECK(json_escaped("\"\U000e0041\"") == "\"\\udb40\\udc41\"");
}

TEST_CASE("text in markdown is only text") {
  CHECK(markdown_escaped("Q4_K") == "Q4_K");
  CHECK(markdown_escaped("a|b") == "a\\|b");
  CHECK(markdown_escaped("<script>&") == "&lt;script&gt;&amp;");
  CHECK(markdown_escaped("_x_ *y* `z` [a](b)") == "\\_x\\_ \\*y\\* \\`z\\` \\[a\\](b)");
  CHECK(markdown_escaped("a\nb") == "a\\\\x0ab");
}

TEST_CASE("a command stays one that can be pasted") {
  struct Row {
    const char* name;
    std::string command;
    bool unicode;
    std::string expected;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", "llama-server -m a.gguf -c 4096", false, "llama-server -m a.gguf -c 4096"},
      {"quoted", "llama-server -m 'a b.gguf'", false, "llama-server -m 'a b.gguf'"},
      {"beyond ASCII, shown", "x 'na\u00EFve'", true, "x 'na\u00EFve'"},
      {"beyond ASCII, not shown", "x 'na\u00EFve' y", false, "x $'na\\303\\257ve' y"},
      {"invalid UTF-8", "x '\xFF'", true, "x $'\\377'"},
      {"a digit after it", "x '\xFF\x31'", true, "x $'\\3771'"},
      {"a line end", "x 'a\nb'", true, "x $'a\\012b'"},
      {"a backslash beside it", "x '\\\xFF'", true, "x $'\\\\\\377'"},
      {"a quote in the name", "x 'it'\\''s \u202E'", true, "x 'it'\\'$'s \\342\\200\\256'"},
      {"no end", "x 'a", true, "x 'a"},
      {"nothing", "", true, ""},
  }));
  CAPTURE(row.name);
  CHECK(shell_escaped(row.command, row.unicode) == row.expected);
}
