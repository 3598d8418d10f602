#include "src/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/repeated_names.h"
#include "src/checkpoint/selection.h"
#include "src/source/file_names.h"
#include "src/source/folder.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{16} << 20U;

std::shared_ptr<const nlohmann::json> read_json(const Folder& folder, const std::string& name, Checkpoint& checkpoint) {
  std::string problem;
  try {
    const std::vector<std::byte> bytes = read_all(*folder.open(name), kMaxConfigBytes);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    auto json = std::make_shared<nlohmann::json>(nlohmann::json::parse(text, text + bytes.size()));
    if (json->is_object()) return json;
    problem = fault(name, std::string("JSON of type ") + json->type_name(), "an object");
  } catch (const nlohmann::json::parse_error& error) {
    problem = fault(name, fmt::format("no valid JSON at byte {}", error.byte), "a JSON object");
  } catch (const Error& error) {
    problem = name + " " + error.what();
  }
  checkpoint.findings.push_back({Severity::Warning, "config-unreadable", problem, {}, std::nullopt, name});
  return nullptr;
}

std::shared_ptr<const nlohmann::json> first_json(const Folder& folder, const std::string& prefix,
                                                 std::span<const std::string_view> names, Checkpoint& checkpoint) {
  for (const std::string_view name : names) {
    const std::string file = prefix + std::string(name);
    if (folder.has(file)) return read_json(folder, file, checkpoint);
  }
  return nullptr;
}

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

void check_whole(Checkpoint& checkpoint, const Selection& selection) {
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

}  // namespace

ResolvedPath resolve_path(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw IoError("does not exist");
  if (fs::is_directory(status)) {
    ResolvedPath named{local_folder(path), {}, true, false};
    named.selections = select_models(named.folder);
    return named;
  }
  if (auto snapshot = open_snapshot(path)) {
    ResolvedPath named{snapshot_folder(std::move(*snapshot)), {}, true, true};
    named.selections = select_models(named.folder);
    return named;
  }
  const fs::path file(path);
  const std::string parent = file.parent_path().string();
  const std::string name = file.filename().string();
  ResolvedPath named{local_folder(parent.empty() ? "." : parent), {}, false, false};
  if (parent.empty()) named.folder.path.clear();
  if (!named.folder.has(name)) {  // a hidden file: the user named it, so it counts
    named.folder.names.push_back(name);
    std::ranges::sort(named.folder.names);
  }
  named.selections.push_back(select_for_file(named.folder, name));
  return named;
}

std::string explain_no_model(const Folder& folder) {
  const auto named_like = [&](auto matches) { return std::ranges::find_if(folder.names, matches); };
  const auto pickle = named_like(is_pickle_name);
  const auto deeper =
      named_like([](const std::string& name) { return name.find('/') != std::string::npos && is_weights_name(name); });
  if (deeper != folder.names.end()) {
    return "holds no GGUF or safetensors file itself; the folder " + quote(deeper->substr(0, deeper->find('/'))) +
           " in it does";
  }
  if (pickle != folder.names.end()) {
    return "holds no GGUF or safetensors file, only pickles such as " + quote(*pickle) +
           ", which are not read: loading one can run any code";
  }
  return "holds no GGUF or safetensors file";
}

Checkpoint open_selection(const Folder& folder, const Selection& selection) {
  Checkpoint checkpoint;
  checkpoint.name = selection.name;
  checkpoint.kind = selection.kind;
  checkpoint.findings = selection.findings;
  for (const std::string& name : selection.files) {
    try {
      const auto source = folder.open(name);
      checkpoint.files.push_back(read_model_file(*source, without_zst(name)));
      checkpoint.files.back().name = name;
      checkpoint.file_paths.push_back(folder.path_of(name));
    } catch (const Error& error) {
      if (selection.files.size() == 1) throw;
      checkpoint.findings.push_back({Severity::Error,
                                     "unreadable-shard",
                                     fmt::format("{}; all figures are without it", error.what()),
                                     {},
                                     error.offset,
                                     name});
    }
  }
  if (checkpoint.files.empty()) throw FormatError(checkpoint.findings.back().message);
  check_whole(checkpoint, selection);
  if (checkpoint.files.front().format == Format::Safetensors) {
    const std::string prefix(folder_part(selection.files.front()));
    checkpoint.config = first_json(folder, prefix, kConfigNames, checkpoint);
    checkpoint.quantization_config = first_json(folder, prefix, kQuantizationConfigNames, checkpoint);
    checkpoint.tokenizer_config = first_json(folder, prefix, kTokenizerConfigNames, checkpoint);
    if (checkpoint.kind == CheckpointKind::Adapter) {
      checkpoint.adapter_config = first_json(folder, prefix, kAdapterConfigNames, checkpoint);
    }
    checkpoint.chat_template_file = std::ranges::any_of(
        kChatTemplateNames, [&](std::string_view name) { return folder.has(prefix + std::string(name)); });
    checkpoint.sentence_modules = folder.has(prefix + std::string(kSentenceModulesName));
  }
  return checkpoint;
}

bool parts_missing(const Checkpoint& checkpoint) {
  return std::ranges::any_of(checkpoint.findings, [](const Finding& finding) {
    return finding.code == "missing-shard" || finding.code == "unreadable-shard";
  });
}

OpenResult open_checkpoints(const std::string& path) {
  OpenResult opened;
  ResolvedPath named;
  try {
    named = resolve_path(path);
    if (named.selections.empty()) throw IoError(explain_no_model(named.folder));
  } catch (const Error& error) {
    opened.failures.push_back({path, error.what(), error.offset});
    return opened;
  }
  for (const Selection& selection : named.selections) {
    // Where a path holds several models, each is shown by its own first file.
    const std::string shown = named.selections.size() == 1 ? path : named.folder.path_of(selection.files.front());
    try {
      opened.checkpoints.push_back(open_selection(named.folder, selection));
      opened.checkpoints.back().path = shown;
      opened.checkpoints.back().header_only = named.header_only;
    } catch (const Error& error) {
      opened.failures.push_back({shown, error.what(), error.offset});
    }
  }
  return opened;
}

Snapshot take_snapshot(const std::string& path) {
  const ResolvedPath named = resolve_path(path);
  if (named.selections.empty()) throw IoError(explain_no_model(named.folder));
  Snapshot snapshot;
  snapshot.name = named.selections.size() == 1 ? named.selections.front().name : named.folder.name;
  bool safetensors = false;
  for (const Selection& selection : named.selections) {
    for (const std::string& name : selection.files) {
      const auto source = named.folder.open(name);
      const ModelFile file = read_model_file(*source, name);
      safetensors = safetensors || file.format == Format::Safetensors;
      SnapshotFile head{name, source->size(), {}};
      head.head.resize(std::min({file.header_bytes, source->size(), source->available()}));
      source->read(0, head.head);
      snapshot.files.push_back(std::move(head));
    }
  }
  for (const std::string& name : named.folder.names) {
    if (!safetensors || !is_side_file_name(name)) continue;
    const auto source = named.folder.open(name);
    if (source->size() > kMaxConfigBytes) continue;
    snapshot.files.push_back({name, source->size(), read_all(*source, kMaxConfigBytes)});
  }
  return snapshot;
}

}  // namespace weigh::core
