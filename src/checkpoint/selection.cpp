#include "src/checkpoint/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "formats/error.h"
#include "src/checkpoint/pipeline_index.h"

namespace weigh::core {

namespace {

constexpr std::size_t kMaxNamed = 5;  // missing parts named one by one

std::vector<std::string> in_folder(const Folder& folder, std::string_view prefix) {
  std::vector<std::string> names;
  for (const std::string& name : folder.names) {
    if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos) names.push_back(name);
  }
  return names;
}

void note_missing(Selection& selection, std::string name) {
  if (selection.missing_count++ < kMaxNamed) selection.missing.push_back(std::move(name));
}

Selection single(const std::string& name, std::string shown) {
  Selection selection;
  selection.name = std::move(shown);
  selection.kind = is_adapter_name(name) ? CheckpointKind::Adapter : CheckpointKind::Model;
  selection.files = {name};
  return selection;
}

Selection from_index(const Folder& folder, const std::string& index_name, std::shared_ptr<const ShardIndex> index) {
  const std::string prefix = std::string(folder_part(index_name));
  Selection selection;
  selection.name = folder.name;
  for (const std::string& file : index->files) {
    if (folder.has(prefix + file)) {
      selection.files.push_back(prefix + file);
    } else {
      note_missing(selection, prefix + file);
    }
  }
  if (selection.files.empty()) {
    throw FormatError(
        fault(base_name(index_name), fmt::format("none of its {} shards in the folder", index->files.size()), "all"),
        std::nullopt, FindingCode::MissingShard);
  }
  selection.findings = index->findings;
  selection.index_name = index_name;
  selection.index = std::move(index);
  return selection;
}

std::shared_ptr<const ShardIndex> open_index(const Folder& folder, const std::string& name) {
  try {
    return std::make_shared<const ShardIndex>(read_shard_index(*folder.open(name)));
  } catch (const Error& error) {
    throw FormatError(std::string(base_name(name)) + ": " + error.what(), error.offset,
                      error.code.value_or(FindingCode::InvalidIndex));
  }
}

// All parts of one set in their order; gpt-oss counts from 0 and states the last number instead of the count.
Selection from_parts(const Folder& folder, const PartName& like, const std::vector<std::string>& names) {
  std::map<std::uint64_t, std::string> parts;
  std::vector<std::string> again;  // "-000001-of-000002" beside "-00001-of-00002"
  for (const std::string& name : names) {
    const auto part = parse_part_name(name);
    if (part && part->prefix == like.prefix && part->total == like.total && part->suffix == like.suffix) {
      if (!parts.emplace(part->number, name).second) again.push_back(name);
    }
  }
  Selection selection;
  const std::string stem = like.prefix.substr(0, like.prefix.size() - 1);
  selection.name = is_gguf_name(like.suffix) ? std::string(base_name(stem)) + like.suffix : folder.name;
  for (const auto& [number, name] : parts) selection.files.push_back(name);

  const std::uint64_t first = parts.contains(0) ? 0 : 1;
  const std::uint64_t expected = like.total + 1 - first;
  const auto in_range = static_cast<std::uint64_t>(
      std::ranges::count_if(parts, [&](const auto& part) { return part.first >= first && part.first <= like.total; }));
  for (std::uint64_t number = first; number <= like.total && selection.missing.size() < kMaxNamed; ++number) {
    if (in_range == expected) break;
    if (!parts.contains(number)) selection.missing.push_back(fmt::format("part {} of {}", number, like.total));
  }
  selection.missing_count = expected - in_range;
  if (!again.empty()) {
    Finding& finding = selection.findings.emplace_back(
        FindingCode::FileLeftOut, Severity::Warning,
        fmt::format("{} has the number of another part, not counted", quote(base_name(again.front()))));
    finding.files = std::move(again);
  }
  return selection;
}

// A whole set of parts that the index, of which files are not there, does not name: an index that an upload left behind.
std::optional<Selection> whole_set_beside(const Folder& folder, const std::vector<std::string>& weights,
                                          const std::string& index_name, const ShardIndex& index) {
  const std::string prefix(folder_part(index_name));
  const auto is_there = [&](const std::string& file) { return folder.has(prefix + file); };
  const auto there = std::ranges::count_if(index.files, is_there);
  if (static_cast<std::size_t>(there) == index.files.size()) return std::nullopt;
  for (const std::string& name : weights) {
    const auto part = parse_part_name(name);
    if (!part || std::ranges::find(index.files, base_name(name)) != index.files.end()) continue;
    Selection set = from_parts(folder, *part, weights);
    if (set.missing_count != 0) continue;
    set.findings.emplace_back(
        FindingCode::TwoGenerations, Severity::Warning,
        fmt::format(
            "{} names {} files, of which {} are there; counted is the whole set of {} parts, {} and on, which a "
            "loader that follows the index does not find",
            base_name(index_name), index.files.size(), there, set.files.size(), quote(base_name(set.files.front()))));
    set.index_name = index_name;
    return set;
  }
  return std::nullopt;
}

std::string shown_name(const Folder& folder, const std::string& name) {
  return base_name(name) == "model.safetensors" ? folder.name : std::string(base_name(name));
}

// Sets first, each once; then what stands alone.
std::vector<Selection> sets_and_singles(const Folder& folder, const std::vector<std::string>& names) {
  std::vector<Selection> selections;
  std::set<std::tuple<std::string, std::uint64_t, std::string>> seen;
  for (const std::string& name : names) {
    if (const auto part = parse_part_name(name)) {
      if (seen.emplace(part->prefix, part->total, part->suffix).second)
        selections.push_back(from_parts(folder, *part, names));
    } else {
      selections.push_back(single(name, shown_name(folder, name)));
    }
  }
  return selections;
}

// Notes what is next to the chosen files and is not counted.
void note_left_out(Selection& chosen, const std::vector<std::string>& names) {
  enum Kind : std::uint8_t { Copy, Index, Adapter, Other };
  struct Words {
    FindingCode code;
    std::string_view why;
  };
  constexpr std::array<Words, 4> kWords{{
      {FindingCode::CopyLeftOut, "the same weights in another form, not counted again"},
      {FindingCode::FileLeftOut, "the index of another form of the weights, not followed"},
      {FindingCode::AdapterLeftOut, "an adapter to a model, not a part of this one; name it to weigh it"},
      {FindingCode::FileLeftOut, "not a part of this model by its name or the index, not counted"},
  }};
  std::array<std::vector<std::string>, kWords.size()> left_out;
  for (const std::string& name : names) {
    if (name == chosen.index_name || std::ranges::find(chosen.files, name) != chosen.files.end()) continue;
    if (is_index_name(name)) {
      left_out[Index].push_back(name);
    } else if (is_adapter_name(name)) {
      left_out[Adapter].push_back(name);
    } else if ((is_consolidated_name(name) && is_safetensors_name(name)) || is_other_framework_name(name)) {
      left_out[Copy].push_back(name);
    } else if (is_safetensors_name(name)) {
      left_out[Other].push_back(name);
    }
  }
  for (std::size_t kind = 0; kind < kWords.size(); ++kind) {
    std::vector<std::string>& files = left_out[kind];
    if (files.empty()) continue;
    const std::string first = quote(base_name(files.front()));
    Finding& finding = chosen.findings.emplace_back(
        kWords[kind].code, Severity::Note,
        files.size() == 1 ? fmt::format("{} {}", first, kWords[kind].why)
                          : fmt::format("{} and {} more: {}", first, files.size() - 1, kWords[kind].why));
    finding.files = std::move(files);
  }
}

struct ByIndex {
  std::optional<Selection> chosen;
  std::string stale;  // an index of which no file is there, beside files that it does not name
  std::optional<Finding> why_stale;
};

// The model that the first index names of which any file is there.
ByIndex select_by_index(const Folder& folder, const std::vector<std::string>& weights,
                        const std::vector<std::string>& indexes) {
  ByIndex found;
  for (const std::string& name : indexes) {
    auto index = open_index(folder, name);
    found.chosen = whole_set_beside(folder, weights, name, *index);
    if (found.chosen) return found;
    const std::string prefix(folder_part(name));
    const auto is_there = [&](const std::string& file) { return folder.has(prefix + file); };
    // With nothing else in the folder, that the shards are missing is all there is to say.
    if (weights.empty() || index->files.empty() || std::ranges::any_of(index->files, is_there)) {
      found.chosen = from_index(folder, name, std::move(index));
      return found;
    }
    if (!found.why_stale) {
      found.stale = name;
      found.why_stale.emplace(FindingCode::TwoGenerations, Severity::Warning,
                              fmt::format("{} names {} files, of which none is there; counted are the files that are, "
                                          "which a loader that follows the index does not find",
                                          base_name(name), index->files.size()));
    }
  }
  return found;
}

// Whether a finding of the model names the file already.
bool is_noted(const Selection& selection, const std::string& name) {
  return std::ranges::any_of(selection.findings, [&](const Finding& finding) {
    return std::ranges::find(finding.files, name) != finding.files.end();
  });
}

std::vector<Selection> select_safetensors(const Folder& folder, std::string_view prefix) {
  std::vector<Selection> selections;
  std::vector<std::string> all = in_folder(folder, prefix);
  std::vector<std::string> weights;
  std::vector<std::string> indexes;
  for (const std::string& name : all) {
    if (is_adapter_name(name)) {
      selections.push_back(single(name, folder.name));
    } else if (is_safetensors_name(name)) {
      weights.push_back(name);
    } else if (is_safetensors_index_name(name)) {
      indexes.push_back(name);
    }
  }
  // The plain index before a variant's (fp16), Mistral's own form last.
  std::ranges::stable_sort(indexes, {}, [](const std::string& name) {
    return std::tuple(is_consolidated_name(name), !name.ends_with(".safetensors.index.json"), name.size());
  });
  const std::string whole = std::string(prefix) + "model.safetensors";
  const bool has_whole = folder.has(whole);
  if (has_whole) std::erase_if(indexes, is_consolidated_name);

  ByIndex by_index = select_by_index(folder, weights, indexes);
  std::optional<Selection>& chosen = by_index.chosen;
  if (chosen && has_whole && std::ranges::find(chosen->files, whole) == chosen->files.end()) {
    chosen->findings.emplace_back(FindingCode::TwoGenerations, Severity::Warning,
                                  "model.safetensors is next to an index that names other files; those are counted");
  }
  const auto note_stale = [&](Selection& selection) {
    if (!by_index.why_stale) return;
    selection.findings.push_back(*by_index.why_stale);
    selection.index_name = by_index.stale;
  };
  if (!chosen && has_whole) {
    chosen = single(whole, folder.name);
    note_stale(*chosen);
  }
  if (chosen) {
    note_left_out(*chosen, all);
    return {std::move(*chosen)};
  }
  // Mistral's own form counts only where nothing else does.
  std::vector<std::string> consolidated;
  if (!std::ranges::all_of(weights, is_consolidated_name)) {
    std::ranges::copy_if(weights, std::back_inserter(consolidated), is_consolidated_name);
    std::erase_if(weights, is_consolidated_name);
  }
  std::vector<Selection> rest = sets_and_singles(folder, weights);
  if (!rest.empty()) {
    note_stale(rest.front());
    if (rest.size() == 1) std::erase_if(all, is_adapter_name);  // models of their own here
    note_left_out(rest.front(), rest.size() == 1 ? all : consolidated);
  }
  std::ranges::move(rest, std::back_inserter(selections));
  return selections;
}

// A diffusers pipeline: each part in a folder of its own. A single-file copy at the root is the same weights again.
FolderModels select_components(const Folder& folder) {
  std::set<std::string> subfolders;
  for (const std::string& name : folder.names) {
    if (const auto slash = name.find('/'); slash != std::string::npos) subfolders.insert(name.substr(0, slash + 1));
  }
  const auto listed = pipeline_components(folder);
  FolderModels models;
  for (const std::string& subfolder : subfolders) {
    std::vector<Selection> found;
    try {
      found = select_safetensors(folder, subfolder);
    } catch (const Error&) {
      models.failures.push_back({subfolder, std::current_exception()});
    }
    if (found.empty()) continue;
    // The plain files of a part win over its variants (fp16) and over adapters.
    const auto shortest = std::ranges::min_element(found, {}, [](const Selection& s) {
      return std::pair(s.kind == CheckpointKind::Adapter, s.files.front().size());
    });
    if (found.size() > 1) {
      std::vector<std::string> others = in_folder(folder, subfolder);
      std::erase_if(others, [&](const std::string& name) { return is_noted(*shortest, name); });
      note_left_out(*shortest, others);
    }
    const std::string component = subfolder.substr(0, subfolder.size() - 1);
    shortest->name = folder.name + '/' + component;
    if (!listed || listed->contains(component)) {
      shortest->kind = CheckpointKind::Component;
      shortest->component = component;
    }
    models.selections.push_back(std::move(*shortest));
  }
  if (!models.selections.empty()) note_left_out(models.selections.front(), in_folder(folder, ""));
  return models;
}

}  // namespace

std::vector<Selection> select_ggufs(const Folder& folder, std::string_view prefix) {
  std::vector<std::string> ggufs = in_folder(folder, prefix);
  std::erase_if(ggufs, [](const std::string& name) { return !is_gguf_name(name); });
  return sets_and_singles(folder, ggufs);
}

FolderModels select_all_models(const Folder& folder) {
  FolderModels models;
  if (folder.has(std::string(kPipelineName))) models = select_components(folder);
  if (models.selections.empty()) {
    try {
      models.selections = select_safetensors(folder, "");
    } catch (const Error&) {
      models.failures.push_back({"", std::current_exception()});
    }
  }
  std::ranges::move(select_ggufs(folder, ""), std::back_inserter(models.selections));
  return models;
}

std::vector<Selection> select_models(const Folder& folder) {
  FolderModels models = select_all_models(folder);
  if (!models.failures.empty()) std::rethrow_exception(models.failures.front().error);
  return std::move(models.selections);
}

Selection select_for_file(const Folder& folder, const std::string& name) {
  if (is_safetensors_index_name(name)) return from_index(folder, name, open_index(folder, name));
  if (is_adapter_name(name)) return single(name, folder.name);
  if (is_safetensors_name(name)) {
    for (const std::string& candidate : in_folder(folder, "")) {
      if (!is_safetensors_index_name(candidate)) continue;
      auto index = open_index(folder, candidate);
      if (std::ranges::binary_search(index->files, name)) return from_index(folder, candidate, std::move(index));
    }
  }
  if (const auto part = parse_part_name(name)) return from_parts(folder, *part, in_folder(folder, ""));
  return single(name, std::string(base_name(name)));
}

}  // namespace weigh::core
