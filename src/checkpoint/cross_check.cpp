#include "src/checkpoint/cross_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/repeated_names.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

// Takes a tensor out of the count; its bytes stay in the file and belong to nobody.
void disown(ModelFile& file, std::vector<std::uint32_t> indices) {
  std::ranges::sort(indices, std::greater{});
  for (const std::uint32_t i : indices) {
    file.tensor_bytes -= file.tensors[i].bytes;
    file.padding_bytes += file.tensors[i].bytes;
    file.tensors.erase(file.tensors.begin() + i);
  }
}

void check_index(Checkpoint& checkpoint, const Selection& selection) {
  const ShardIndex& index = *selection.index;
  std::unordered_map<std::string_view, std::uint32_t> shard_of;
  shard_of.reserve(index.tensors.size());
  for (const auto& [tensor, shard] : index.tensors) shard_of.emplace(tensor, shard);
  if (shard_of.size() < index.tensors.size()) {
    checkpoint.findings.push_back(
        {Severity::Error, "index-duplicate", "the index names a tensor more than once", {}, std::nullopt, {}});
  }

  FindingLog log(checkpoint.findings);
  std::size_t found = 0;
  for (ModelFile& file : checkpoint.files) {
    const std::string_view own = base_name(file.name);
    std::vector<std::uint32_t> elsewhere;
    for (std::uint32_t i = 0; i < file.tensors.size(); ++i) {
      const std::string_view name = file.tensors[i].name;
      const auto entry = shard_of.find(name);
      if (entry == shard_of.end()) {
        log.add({Severity::Warning, "unindexed-tensor",
                 "tensor " + quote(name) + " is in the shard but not in the index", std::string(name), std::nullopt,
                 file.name});
      } else if (index.files[entry->second] != own) {
        log.add({Severity::Warning, "tensor-in-two-shards",
                 fmt::format("tensor {} lies here too, the index names {}; counted there only", quote(name),
                             quote(index.files[entry->second])),
                 std::string(name), std::nullopt, file.name});
        elsewhere.push_back(i);
      } else {
        ++found;
      }
    }
    disown(file, std::move(elsewhere));
  }
  const bool whole = selection.missing_count == 0 && checkpoint.files.size() == selection.files.size();
  if (whole && found < shard_of.size()) {
    log.add({Severity::Error,
             "missing-tensor",
             fault("tensors in the shards", std::to_string(found),
                   fmt::format("the {} that the index names", shard_of.size())),
             {},
             std::nullopt,
             {}});
  }
  log.finish();
  if (!whole || !index.total_size) return;
  std::uint64_t bytes = 0;
  for (const ModelFile& file : checkpoint.files) bytes = checked_add(bytes, file.tensor_bytes).value_or(UINT64_MAX);
  if (bytes != *index.total_size) {
    checkpoint.findings.push_back({Severity::Warning,
                                   "index-total-size",
                                   fault("total_size in the index", std::to_string(*index.total_size),
                                         fmt::format("{}, the sum of the tensors", bytes)),
                                   {},
                                   std::nullopt,
                                   {}});
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
    log.add({Severity::Error, "duplicate-tensor", "tensor " + quote(names[i]) + " lies in more than one part",
             std::string(names[i]), std::nullopt, checkpoint.files[owner[i]].name});
  }
  log.finish();
}

// GGUF parts state their number, their count and how many tensors all parts hold (docs/formats.md 2.5).
void check_splits(Checkpoint& checkpoint, const Selection& selection) {
  std::uint64_t tensors = 0;
  for (const ModelFile& file : checkpoint.files) {
    tensors += file.tensors.size();
    const auto part = parse_part_name(file.name);
    if (!part) continue;
    const auto expect = [&](std::string_view key, std::uint64_t expected) {
      const auto stated = file.metadata.unsigned_integer(key);
      if (stated == expected) return;
      checkpoint.findings.push_back(
          {Severity::Error,
           "split-mismatch",
           fault(key, stated ? std::to_string(*stated) : "nothing", fmt::format("{}, by the file's name", expected)),
           {},
           std::nullopt,
           file.name});
    };
    expect("split.no", part->number - 1);
    expect("split.count", part->total);
  }
  const bool whole = selection.missing_count == 0 && checkpoint.files.size() == selection.files.size();
  const auto stated = checkpoint.files.front().metadata.unsigned_integer("split.tensors.count");
  if (whole && stated && *stated != tensors) {
    checkpoint.findings.push_back(
        {Severity::Error,
         "split-mismatch",
         fault("split.tensors.count", std::to_string(*stated), fmt::format("{}, the sum of the parts", tensors)),
         {},
         std::nullopt,
         checkpoint.files.front().name});
  }
}

}  // namespace

void cross_check(Checkpoint& checkpoint, const Selection& selection) {
  if (selection.missing_count > 0) {
    const std::string rest = selection.missing_count > selection.missing.size()
                                 ? fmt::format(" and {} more", selection.missing_count - selection.missing.size())
                                 : "";
    checkpoint.findings.push_back(
        {Severity::Error,
         "missing-shard",
         fmt::format("{} of {} parts are missing: {}{}; all figures are of the parts that are there",
                     selection.missing_count, selection.missing_count + selection.files.size(),
                     fmt::join(selection.missing, ", "), rest),
         {},
         std::nullopt,
         {}});
  }
  if (checkpoint.files.front().format == Format::Gguf && selection.files.size() + selection.missing_count > 1) {
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
