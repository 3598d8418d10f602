#include "src/audit/accepted_findings.h"

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a pattern of paths matches as a whole") {
  struct Row {
    std::string pattern;
    std::string text;
    bool expected;
  };
  const auto row = GENERATE(values<Row>({{"", "", true},
                                         {"", "a", false},
                                         {"*", "", true},
                                         {"*", "a/b", true},
                                         {"a*c", "abbc", true},
                                         {"a*c", "abbcd", false},
                                         {"a?c", "abc", true},
                                         {"a?c", "ac", false},
                                         {"*b*b", "abab", true},
                                         {"*.bin", "x/training_args.bin", true},
                                         {"***", "x", true}}));
  CAPTURE(row.pattern, row.text);
  CHECK(matches(row.pattern, row.text) == row.expected);
}

TEST_CASE("a pattern of many stars takes no time") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  CHECK_FALSE(matches(pattern + "b", std::string(20'000, 'a')));
}

TEST_CASE("findings of a check are accepted by the file they are about") {
  struct Row {
    std::string list;
    std::size_t accepted;
  };
  const auto row = GENERATE(values<Row>({{"", 0},
                                         {"# nothing\n\n", 0},
                                         {"truncated", 1},
                                         {"pickle-beside", 2},
                                         {"pickle-beside # both\r\ntruncated\n", 3},
                                         {"pickle-beside a.bin", 1},
                                         {"pickle-beside m/*.bin", 2},
                                         {"pickle-beside n/*.bin", 0},
                                         {"truncated m", 1}}));
  CAPTURE(row.list);
  Audit audit;
  audit.path = "models/m";
  audit.findings.push_back(Finding(FindingCode::Truncated, Severity::Error, "cut"));
  audit.findings.push_back(Finding(FindingCode::PickleBeside, Severity::Warning, "one").in("a.bin"));
  audit.findings.push_back(Finding(FindingCode::PickleBeside, Severity::Warning, "two").in("b.bin"));
  AcceptedFindings(row.list, "list").set_aside(audit);
  CHECK(audit.accepted.size() == row.accepted);
  CHECK(audit.findings.size() == 3 - row.accepted);
}

TEST_CASE("a list of accepted findings that is none is refused") {
  CHECK_THROWS_AS(AcceptedFindings("truncatd", "list"), UsageError);
  CHECK_THROWS_AS(AcceptedFindings(std::string(10'001, '\n'), "list"), UsageError);
}
