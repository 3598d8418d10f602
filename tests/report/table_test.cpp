#include "src/report/table.h"

#include <sstream>

#include "tests/catch.h"

using namespace weigh::core;

namespace {

std::string csv_of(const Cell& cell) {
  std::ostringstream out;
  write_csv_table({{{"x"}}, {{cell}}}, out);
  const std::string text = out.str();
  return text.substr(2, text.size() - 3);  // without "x\n" and the last line end
}

}  // namespace

TEST_CASE("a CSV cell is no formula and no second line") {
  struct Row {
    const char* name;
    Cell cell;
    std::string expected;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", std::string("llama"), "llama"},
      {"absent", std::monostate(), ""},
      {"formula", std::string("=1+1"), "'=1+1"},
      {"plus", std::string("+1"), "'+1"},
      {"minus", std::string("-1"), "'-1"},
      {"full width", std::string("\uFF1D1+1"), "'\uFF1D1+1"},
      {"a flag", OwnText{"-ngl 33"}, "-ngl 33"},
      {"two flags", OwnText{"-ts 28,13"}, "\"-ts 28,13\""},
      {"at", std::string("@SUM(A1)"), "'@SUM(A1)"},
      {"comma", std::string("a,b"), "\"a,b\""},
      {"quotes", std::string("say \"hi\""), "\"say \"\"hi\"\"\""},
      {"formula with quotes", std::string("=cmd|'/c'!A1,\"x\""), "\"'=cmd|'/c'!A1,\"\"x\"\"\""},
      {"line end", std::string("a\nb"), "a\\x0ab"},
      {"tab before a formula", std::string("\t=1"), "\\x09=1"},
      {"number below zero", std::int64_t{-5}, "-5"},
      {"largest number", std::uint64_t{18'446'744'073'709'551'615U}, "18446744073709551615"},
      {"ratio", 4.5, "4.5"},
  }));
  CAPTURE(row.name);
  CHECK(csv_of(row.cell) == row.expected);
}

TEST_CASE("on a terminal the name is cut so that the line fits") {
  const Table table{{{"name"}, {"bytes", Unit::Size}}, {{std::string(200, 'x'), std::uint64_t{1024}}}};
  Style style;
  style.terminal = true;
  style.width = 40;
  std::ostringstream out;
  write_text_table(table, style, true, out);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);)
    CHECK(line.size() <= 42);  // the mark takes three bytes, one column
  CHECK(out.str().find("1,024") != std::string::npos);

  style.terminal = false;
  std::ostringstream whole;
  write_text_table(table, style, false, whole);
  CHECK(whole.str().find(std::string(200, 'x') + "  1.0 KiB") != std::string::npos);
}

TEST_CASE("notes stand under their rows in text, and nowhere in the formats of programs") {
  Table table{{{"name"}}, {{std::string("a")}, {std::string("b")}, {std::string("c")}}};
  table.notes = {{}, {"first", "second"}};
  std::ostringstream text;
  write_text_table(table, {}, false, text);
  CHECK(text.str() == "name\na\nb\n    first\n    second\nc\n");
  std::ostringstream csv;
  write_csv_table(table, csv);
  CHECK(csv.str() == "name\na\nb\nc\n");
}
