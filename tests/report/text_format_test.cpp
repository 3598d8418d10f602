#include "src/report/text_format.h"

#include <catch2/catch.hpp>

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

TEST_CASE("parameters are decimal and change their unit where rounding would reach the next") {
  struct Row {
    std::uint64_t parameters;
    std::string expected;
  };
  const auto row = GENERATE(values<Row>({
      {0, "0"},
      {999, "999"},
      {1000, "1.0 K"},
      {266'240, "266.2 K"},
      {999'949, "999.9 K"},
      {999'999, "1.0 M"},
      {125'300'000, "125.3 M"},
      {999'999'999, "1.00 B"},
      {46'702'792'704, "46.70 B"},
      {1'000'000'000'000, "1.00 T"},
      {18'446'744'073'709'551'615U, "18446744.07 T"},
  }));
  CHECK(human_parameters(row.parameters) == row.expected);
}

TEST_CASE("digits are grouped by threes") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(26'441'533'376) == "26,441,533,376");
  CHECK(grouped(18'446'744'073'709'551'615U) == "18,446,744,073,709,551,615");
  CHECK(counted(1, "file") == "1 file");
  CHECK(counted(1900, "file") == "1,900 files");
}

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("gr\u00fc\u00dfe") == 5);
  CHECK(display_width("\u6a21\u578b") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("\x1b[31mred\x1b[0m") == 3);
}

TEST_CASE("a long name loses its middle and keeps within its columns") {
  const std::string name = "model.layers.0.block_sparse_moe.experts.0.w1.weight";
  CHECK(cut_middle(name, name.size(), true) == name);
  CHECK(cut_middle("abcdefghij", 7, true) == "abc\u2026hij");
  CHECK(cut_middle("abcdefghij", 7, false) == "abc..ij");
  for (std::size_t columns = 3; columns <= name.size(); ++columns) {
    CAPTURE(columns);
    CHECK(display_width(cut_middle(name, columns, true)) == columns);
    CHECK(display_width(cut_middle(name, columns, false)) == columns);
  }
  CHECK(cut_middle("\u6a21\u578b\u6a21\u578b\u6a21\u578b", 6, true) == "\u6a21\u2026\u578b");
}

TEST_CASE("lines break at spaces, never between a number and its unit") {
  using Lines = std::vector<std::string>;
  CHECK(wrapped("3.04 GiB above the limit", 12) == Lines{"3.04 GiB", "above the", "limit"});
  CHECK(wrapped("above 1.60 GiB", 10) == Lines{"above", "1.60 GiB"});
  CHECK(wrapped("averyveryverylongword b", 5) == Lines{"averyveryverylongword", "b"});
  CHECK(packed({"int4 21.75 GiB", "int8 43.50 GiB"}, " | ", 20) == Lines{"int4 21.75 GiB", "int8 43.50 GiB"});
}

TEST_CASE("columns are aligned and lines end without spaces") {
  CHECK(aligned({{"a", "10", "x"}, {"bcd", "9", ""}}, "lrl") == std::vector<std::string>{"a    10  x", "bcd   9"});
}

TEST_CASE("a bar is as long as its share") {
  CHECK(bar(0, 10, true).empty());
  CHECK(bar(0.5, 4, true) == "\u2588\u2588");
  CHECK(bar(0.53125, 4, true) == "\u2588\u2588\u258f");
  CHECK(bar(1, 3, true) == "\u2588\u2588\u2588");
  CHECK(bar(7, 3, true) == "\u2588\u2588\u2588");
  CHECK(bar(0.5, 10, false) == "#####");
}
