#include "src/devices/csv.h"

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;
using Fields = std::vector<std::string>;

TEST_CASE("CSV: quotes, doubled quotes, CRLF and empty fields are read as RFC 4180 has them") {
  struct Row {
    std::string name, text;
    std::vector<Fields> expected;
  };
  const std::vector<Row> rows = {
      {"plain", "a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
      {"no last line break", "a,b", {{"a", "b"}}},
      {"CRLF", "a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
      {"CRLF after a quoted field", "\"a\"\r\nb\r\n", {{"a"}, {"b"}}},
      {"comma in quotes", "\"a,b\",c\n", {{"a,b", "c"}}},
      {"doubled quotes", "\"say \"\"so\"\"\",c\n", {{"say \"so\"", "c"}}},
      {"line break in quotes", "\"a\nb\",c\n", {{"a\nb", "c"}}},
      {"empty fields", ",,\n\"\",b,\n", {{"", "", ""}, {"", "b", ""}}},
      {"empty lines are skipped", "\na\n\n\r\nb\n", {{"a"}, {"b"}}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a,b\n",
       {{"a", "b"}}},
      {"nothing", "", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<Fields> found;
    CsvReader reader(row.text);
    while (const CsvRecord* record = reader.next()) found.emplace_back(record->fields.begin(), record->fields.end());
    CHECK(found == row.expected);
  }
}

TEST_CASE("CSV: a record knows the line it begins in, counting line breaks inside quotes") {
  CsvReader reader("a\n\n\"b\nb\"\nc\n");
  std::vector<std::size_t> lines;
  while (const CsvRecord* record = reader.next()) lines.push_back(record->line);
  CHECK(lines == std::vector<std::size_t>{1, 3, 5});
}

TEST_CASE("CSV: a quote out of place is an error that names its line") {
  struct Row {
    std::string text, message;
  };
  const std::vector<Row> rows = {
      {"a\n\"b\nc\n", "line 2: found a quote that is never closed"},
      {"a\n\"b\"c,d\n", "line 2: found text after a closing quote"},
      {"a\nb\"c,d\n", "line 2: found a quote inside an unquoted field"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto read_all = [&] {
      CsvReader reader(row.text);
      while (reader.next() != nullptr) continue;
    };
    CHECK_THROWS_WITH(read_all(), Catch::Matchers::StartsWith(row.message));
    CHECK_THROWS_AS(read_all(), UsageError);
  }
}
