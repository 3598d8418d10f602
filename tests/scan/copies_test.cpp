#include "src/scan/copies.h"

#include "tests/catch.h"

using namespace weigh::core;

namespace {

ScanRow row(std::string path, std::string tensors, std::string header, std::uint64_t bytes, std::string weights = "") {
  ScanRow result;
  result.path = std::move(path);
  result.tensors_id = std::move(tensors);
  result.header_id = std::move(header);
  result.weights_id = std::move(weights);
  result.file_bytes = bytes;
  return result;
}

std::vector<CopyGroup> copies_among(const std::vector<ScanRow>& rows) {
  std::vector<const ScanRow*> pointers;
  for (const ScanRow& row : rows) pointers.push_back(&row);
  return find_copies(pointers);
}

}  // namespace

TEST_CASE("headers alone: copies have the same header, the same tensors alone win nothing back") {
  const std::vector<ScanRow> rows{row("a", "t1", "h1", 100), row("b", "t1", "h1", 100), row("c", "t1", "h2", 104),
                                  row("d", "t2", "h3", 50), row("e", "", "", 100)};
  const auto groups = copies_among(rows);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].likeness == Likeness::Header);
  CHECK(groups[0].rows == std::vector<std::size_t>{0, 1});
  CHECK(groups[0].reclaimable_bytes == 100);
  CHECK(groups[1].likeness == Likeness::Tensors);
  CHECK(groups[1].rows == std::vector<std::size_t>{0, 2});
  CHECK(groups[1].reclaimable_bytes == 0);
}

TEST_CASE("weights that were read decide: other weights are no copies, however alike the headers") {
  const std::vector<ScanRow> rows{row("base", "t", "h", 100, "w1"), row("tuned", "t", "h", 100, "w2"),
                                  row("copy", "t", "h", 100, "w1"), row("renamed", "t", "g", 102, "w1"),
                                  row("alone", "t", "h", 100, "w3")};
  const auto groups = copies_among(rows);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].likeness == Likeness::Weights);
  CHECK(groups[0].rows == std::vector<std::size_t>{0, 2, 3});
  CHECK(groups[0].reclaimable_bytes == 200);  // all but the largest
  const std::vector<ScanRow> same{row("a", "t", "h", 7, "w"), row("b", "t", "h", 7, "w")};
  CHECK(copies_among(same).front().likeness == Likeness::File);
}

TEST_CASE("snapshots take no place and are no copies; the largest gain stands first") {
  std::vector<ScanRow> rows{row("a", "t1", "h1", 10), row("b", "t1", "h1", 10), row("c", "t2", "h2", 90),
                            row("d", "t2", "h2", 90), row("e", "t2", "h2", 90)};
  rows[0].header_only = true;
  const auto groups = copies_among(rows);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].reclaimable_bytes == 180);
}
