#include "formats/layout.h"

#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

struct Piece {
  std::uint64_t offset;
  std::uint64_t bytes;
};

// A multiple of 32, as the start of a data area aligned so.
constexpr std::uint64_t kHeader = 96;

struct Row {
  std::string name;
  std::uint64_t alignment;
  std::vector<Piece> pieces;
  std::int64_t data_bytes;  ///< behind a header of 96
  std::uint64_t tensors, padding, missing, shared;
  std::vector<std::string> codes;
};

ModelFile laid_out(const Row& row) {
  ModelFile file;
  file.header_bytes = kHeader;
  file.file_bytes = kHeader + static_cast<std::uint64_t>(row.data_bytes);
  for (const Piece& piece : row.pieces) {
    Tensor tensor;
    tensor.name = "t";
    tensor.dtype = Dtype::U8;
    tensor.elements = tensor.bytes = piece.bytes;
    tensor.offset = piece.offset;
    file.tensors.push_back(tensor);
  }
  return file;
}

std::vector<std::string> codes(const ModelFile& file) {
  std::vector<std::string> list;
  for (const Finding& finding : file.findings) list.emplace_back(name_of(finding.code));
  std::ranges::sort(list);
  return list;
}

TEST_CASE("every byte of the data area gets an owner") {
  const std::vector<Row> rows = {
      {"nothing", 1, {}, 0, 0, 0, 0, 0, {}},
      {"one", 1, {{0, 10}}, 10, 10, 0, 0, 0, {}},
      {"packed", 1, {{0, 10}, {10, 5}}, 15, 15, 0, 0, 0, {}},
      {"padded", 32, {{0, 10}, {32, 5}}, 64, 15, 22 + 27, 0, 0, {}},
      {"final padding missing", 32, {{0, 10}, {32, 5}}, 37, 15, 22, 0, 0, {}},
      {"final padding half there", 32, {{0, 10}}, 20, 10, 10, 0, 0, {}},
      {"order", 1, {{10, 5}, {0, 10}}, 15, 15, 0, 0, 0, {"tensor-order"}},
      {"gap at the start", 1, {{4, 10}}, 14, 10, 4, 0, 0, {"data-hole"}},
      {"hole", 32, {{0, 10}, {64, 5}}, 96, 15, 54 + 27, 0, 0, {"data-hole"}},
      {"hole of one byte", 1, {{0, 10}, {11, 5}}, 16, 15, 1, 0, 0, {"data-hole"}},
      {"overlap", 1, {{0, 10}, {6, 10}}, 16, 20, 0, 0, 4, {"tensor-overlap"}},
      {"the same bytes", 1, {{0, 10}, {0, 10}}, 10, 20, 0, 0, 10, {"tensor-overlap"}},
      {"one inside another", 1, {{0, 10}, {2, 3}, {10, 5}}, 15, 18, 0, 0, 3, {"tensor-overlap"}},
      {"three share", 1, {{0, 10}, {0, 10}, {0, 10}}, 10, 30, 0, 0, 20, {"tensor-overlap", "tensor-overlap"}},
      {"no bytes at the start", 1, {{0, 0}, {0, 10}}, 10, 10, 0, 0, 0, {}},
      {"no bytes between", 1, {{0, 10}, {10, 0}, {10, 5}}, 15, 15, 0, 0, 0, {}},
      {"no bytes at the end", 1, {{0, 10}, {10, 0}}, 10, 10, 0, 0, 0, {}},
      {"no bytes inside another", 1, {{0, 10}, {4, 0}}, 10, 10, 0, 0, 0, {"tensor-overlap"}},
      {"misaligned", 32, {{0, 10}, {40, 5}}, 64, 15, 30 + 19, 0, 0, {"data-hole", "tensor-misaligned"}},
      {"one byte short", 1, {{0, 10}}, 9, 10, 0, 1, 0, {"truncated"}},
      {"no data", 1, {{0, 10}}, 0, 10, 0, 10, 0, {"truncated"}},
      {"header not whole", 32, {{0, 10}}, -10, 10, 0, 20, 0, {"truncated"}},
      {"far past the end", 1, {{0, 10}, {1000, 5}}, 10, 15, 990, 995, 0, {"data-hole", "truncated"}},
      {"trailing", 1, {{0, 10}}, 15, 10, 5, 0, 0, {"trailing-bytes"}},
      {"trailing behind padding", 32, {{0, 10}}, 33, 10, 23, 0, 0, {"trailing-bytes"}},
      {"padding without tensors", 64, {}, 32, 0, 32, 0, 0, {}},
      {"data without tensors", 1, {}, 4, 0, 4, 0, 0, {"trailing-bytes"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ModelFile file = laid_out(row);
    check_layout(file, {row.alignment, Severity::Error, Severity::Note});
    CHECK(file.tensor_bytes == row.tensors);
    CHECK(file.padding_bytes == row.padding);
    CHECK(file.missing_bytes == row.missing);
    CHECK(file.shared_bytes == row.shared);
    CHECK(every_byte_has_an_owner(file));
    CHECK(codes(file) == row.codes);
  }
}

TEST_CASE("the format says how bad a hole and an odd order are") {
  const Row row{"", 1, {{20, 5}, {0, 10}}, 25, 0, 0, 0, 0, {}};
  ModelFile strict = laid_out(row), lenient = laid_out(row);
  check_layout(strict, {1, Severity::Error, Severity::Warning});
  check_layout(lenient, {1, Severity::Warning, std::nullopt});
  CHECK(has_finding(strict, "data-hole", Severity::Error));
  CHECK(has_finding(strict, "tensor-order", Severity::Warning));
  CHECK(has_finding(lenient, "data-hole", Severity::Warning));
  CHECK(codes(lenient) == std::vector<std::string>{"data-hole"});
}

TEST_CASE("ends beyond 64 bits are refused, not wrapped") {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  for (const std::vector<Piece>& pieces : std::vector<std::vector<Piece>>{
           {{kMax - 3, 8}},                         // one end
           {{kMax - 50, 8}},                        // only with the header before it
           {{0, kMax / 2}, {0, kMax / 2}, {0, 8}},  // the sum of the sizes
       }) {
    ModelFile file = laid_out({"", 1, pieces, 1000, 0, 0, 0, 0, {}});
    CHECK_THROWS_AS(check_layout(file, {1, Severity::Error, Severity::Note}), FormatError);
  }
}

TEST_CASE("a file wrong a thousand times in one way says so once") {
  Row row{"", 1, {}, 0, 0, 0, 0, 0, {}};
  for (std::uint64_t i = 0; i < 1000; ++i) row.pieces.push_back({i * 10 + 5, 5});
  row.data_bytes = 10'000;
  ModelFile file = laid_out(row);
  check_layout(file, {1, Severity::Error, Severity::Note});
  CHECK(file.padding_bytes == 5000);
  CHECK(file.findings.size() < 20);
  CHECK(file.findings.back().message.find("99") != std::string::npos);
}

}  // namespace
}  // namespace weigh::core
