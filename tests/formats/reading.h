#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/metadata.h"
#include "formats/model_file.h"
#include "tests/fixtures/fixture_list.h"
#include "tests/formats/touch.h"

namespace weigh::core {

/// A fixture read by its path below testdata/.
inline ModelFile read_fixture(const std::string& path) {
  FileSource source(WEIGH_TESTDATA "/" + path);
  return read_model_file(source, path);
}

inline ModelFile read_memory(std::span<const std::byte> bytes, std::string_view path) {
  MemorySource source(bytes);
  return read_model_file(source, path);
}

inline std::vector<std::byte> as_bytes(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

inline bool has_finding(const ModelFile& file, std::string_view code, Severity severity) {
  return std::ranges::any_of(file.findings, [&](const Finding& finding) {
    return name_of(finding.code) == code && finding.severity == severity;
  });
}

inline bool has_error(const ModelFile& file) {
  return std::ranges::any_of(file.findings, [](const Finding& finding) { return finding.severity == Severity::Error; });
}

/// header + tensors + padding == file + missing + shared, always.
inline bool every_byte_has_an_owner(const ModelFile& file) {
  return file.header_bytes + file.tensor_bytes + file.padding_bytes ==
         file.file_bytes + file.missing_bytes + file.shared_bytes;
}

}  // namespace weigh::core
