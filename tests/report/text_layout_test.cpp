#include "src/report/text_layout.h"

#include "tests/catch.h"

using namespace weigh::core;

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
