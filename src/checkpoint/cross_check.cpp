#include "src/checkpoint/cross_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/name_index.h"
#include "formats/repeated_names.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

// Takes tensors, in ascending order, out of the count; their bytes stay in the file and belong to nobody.
void disown(ModelFile& file, const std::vector<std::uint32_t>& indices) {
  if (indices.empty()) return;
  auto next = indices.begin();
  std::size_t kept = 0;
  for (std::uint32_t i = 0; i < file.tensors.size(); ++i) {
    if (next != indices.end() && *next == i) {
      file.tensor_bytes -= file.tensors[i].bytes;
      file.padding_bytes += file.tensors[i].bytes;
      ++next;
    } else {
      file.tensors[kept++] = file.tensors[i];
    }
  }
  file.tensors.resize(kept);
}

void check_index(Checkpoint& checkpoint, const Selection& selection) {
  const ShardIndex& index = *selection.index;
  NameIndex names(index.tensors.size());
  std::vector<std::uint32_t> shard_of;  // by the number of the name
  shard_of.reserve(index.tensors.size());
  for (const auto& [tensor, shard] : index.tensors) {
    if (names.id(tensor) == shard_of.size()) shard_of.push_back(shard);
  }
  if (shard_of.size() < index.tensors.size()) {
    checkpoint.findings.emplace_back(FindingCode::IndexDuplicate, Severity::Error,
                                     "the index names a tensor more than once");
  }

  FindingLog log(checkpoint.findings);
  std::size_t found = 0;
  std::uint32_t last = NameIndex::none;
  for (ModelFile& file : checkpoint.files) {
    const auto own = std::ranges::find(index.files, base_name(file.name)) - index.files.begin();
    std::vector<std::uint32_t> elsewhere;
    for (std::uint32_t i = 0; i < file.tensors.size(); ++i) {
      const std::string_view name = file.tensors[i].name;
      const std::uint32_t entry = names.find(name, last);
      last = entry;
      if (entry == NameIndex::none) {
        log.add(Finding(FindingCode::UnindexedTensor, Severity::Error,
                        "tensor " + quote(name) + " is in the shard but not in the index: a loader leaves it out")
                    .of_tensor(name)
                    .in(file.name));
      } else if (shard_of[entry] != own) {
        log.add(Finding(FindingCode::TensorInTwoShards, Severity::Warning,
                        fmt::format("tensor {} is here too, the index names {}; counted there only", quote(name),
                                    quote(index.files[shard_of[entry]])))
                    .of_tensor(name)
                    .in(file.name));
        elsewhere.push_back(i);
      } else {
        ++found;
      }
    }
    disown(file, elsewhere);
  }
  const bool whole = selection.missing_count == 0 && checkpoint.files.size() == selection.files.size();
  if (whole && found < shard_of.size()) {
    log.add({FindingCode::MissingTensor, Severity::Error,
             fault("tensors in the shards", std::to_string(found),
                   fmt::format("the {} that the index names", shard_of.size()))});
  }
  log.finish();
  if (!whole || !index.total_size) return;
  std::uint64_t bytes = 0;
  for (const ModelFile& file : checkpoint.files) bytes = checked_add(bytes, file.tensor_bytes).value_or(UINT64_MAX);
  if (bytes != *index.total_size) {
    checkpoint.findings.emplace_back(FindingCode::IndexTotalSize, Severity::Warning,
                                     fault("total_size in the index", std::to_string(*index.total_size),
                                           fmt::format("{}, the sum of the tensors", bytes)));
  }
}

// Tensor names across the parts of a set that has no index to decide.
void check_repeats(Checkpoint& checkpoint) {
  std::vector<std::string_view> names;
  std::vector<std::uint32_t> owner;
  for (std::uint32_t f = 0; f < checkpoint.files.size(); ++f) {
    std::vector<std::string_view> own;
    for (const Tensor& tensor : checkpoint.files[f].tensors) own.push_back(tensor.name);
    std::ranges::sort(own);  // a repeat inside one file is that file's finding already
    own.erase(std::unique(own.begin(), own.end()), own.end());
    names.insert(names.end(), own.begin(), own.end());
    owner.resize(names.size(), f);
  }
  FindingLog log(checkpoint.findings);
  for (const std::size_t i : repeated_names(names)) {
    log.add(Finding(FindingCode::DuplicateTensor, Severity::Error,
                    "tensor " + quote(names[i]) + " is in more than one part")
                .of_tensor(names[i])
                .in(checkpoint.files[owner[i]].name));
  }
  log.finish();
}

// GGUF parts state their number, their count and how many tensors all parts hold (docs/formats.md 2.5).
void check_splits(Checkpoint& checkpoint, const Selection& selection) {
  const auto expect = [&](const ModelFile& file, std::string_view key, std::uint64_t expected, std::string_view by) {
    const auto stated = file.metadata.unsigned_integer(key);
    if (stated == expected) return;
    std::string message = fault(key, stated ? std::to_string(*stated) : "nothing", fmt::format("{}, {}", expected, by));
    checkpoint.findings.push_back(
        Finding(FindingCode::SplitMismatch, Severity::Error, std::move(message)).in(file.name));
  };
  std::uint64_t tensors = 0;
  for (const ModelFile& file : checkpoint.files) {
    tensors += file.tensors.size();
    const auto part = parse_part_name(file.name);
    if (!part) continue;
    expect(file, "split.no", part->number - 1, "by the file's name");
    expect(file, "split.count", part->total, "by the file's name");
  }
  const bool whole = selection.missing_count == 0 && checkpoint.files.size() == selection.files.size();
  const ModelFile& first = checkpoint.files.front();
  constexpr std::string_view kSum = "split.tensors.count";  // may be left out
  if (whole && first.metadata.unsigned_integer(kSum)) expect(first, kSum, tensors, "the sum of the parts");
}

}  // namespace

void cross_check(Checkpoint& checkpoint, const Selection& selection) {
  if (selection.missing_count > 0) {
    const std::string rest = selection.missing_count > selection.missing.size()
                                 ? fmt::format(" and {} more", selection.missing_count - selection.missing.size())
                                 : "";
    checkpoint.findings.emplace_back(
        FindingCode::MissingShard, Severity::Error,
        fmt::format("{} of {} parts are missing: {}{}; all figures are of the parts that are there",
                    selection.missing_count, selection.missing_count + selection.files.size(),
                    fmt::join(selection.missing, ", "), rest));
  }
  if (is_gguf(checkpoint) && selection.files.size() + selection.missing_count > 1) {
    check_splits(checkpoint, selection);
  }
  if (selection.index) {
    checkpoint.claimed_parameters = selection.index->total_parameters;
    check_index(checkpoint, selection);
  } else if (checkpoint.files.size() > 1) {
    check_repeats(checkpoint);
  }
}

}  // namespace weigh::core
