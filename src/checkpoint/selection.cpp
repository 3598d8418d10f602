#include "src/checkpoint/selection.h"

#include <fmt/format.h>

#include <algorithm>
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
  for (const std::string& name : names) {
    const auto part = parse_part_name(name);
    if (part && part->prefix == like.prefix && part->total == like.total && part->suffix == like.suffix) {
      parts.emplace(part->number, name);
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

// What is next to the chosen files and must not be counted again.
void note_left_out(Selection& chosen, const std::vector<std::string>& names) {
  std::vector<std::string_view> copies;
  std::vector<std::string_view> adapters;
  std::vector<std::string_view> others;
  for (const std::string& name : names) {
    if (std::ranges::find(chosen.files, name) != chosen.files.end()) continue;
    if (is_adapter_name(name)) {
      adapters.push_back(base_name(name));
    } else if (is_consolidated_name(name) || is_other_framework_name(name)) {
      copies.push_back(base_name(name));
    } else if (is_safetensors_name(name)) {
      others.push_back(base_name(name));
    }
  }
  const auto add = [&](const std::vector<std::string_view>& left_out, FindingCode code, std::string_view why) {
    if (left_out.empty()) return;
    const std::string first = quote(left_out.front());
    chosen.findings.emplace_back(code, Severity::Note,
                                 left_out.size() == 1
                                     ? fmt::format("{} {}", first, why)
                                     : fmt::format("{} and {} more: {}", first, left_out.size() - 1, why));
  };
  add(copies, FindingCode::CopyLeftOut, "the same weights in another form, not counted again");
  add(adapters, FindingCode::AdapterLeftOut, "an adapter to a model, not a part of this one; name it to weigh it");
  add(others, FindingCode::FileLeftOut, "not a part of this model by its name or the index, not counted");
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
  std::optional<Selection> chosen;
  if (!indexes.empty() && !(has_whole && is_consolidated_name(indexes.front()))) {
    auto index = open_index(folder, indexes.front());
    chosen = whole_set_beside(folder, weights, indexes.front(), *index);
    if (!chosen) chosen = from_index(folder, indexes.front(), std::move(index));
    if (has_whole && std::ranges::find(chosen->files, whole) == chosen->files.end()) {
      chosen->findings.emplace_back(FindingCode::TwoGenerations, Severity::Warning,
                                    "model.safetensors is next to an index that names other files; those are counted");
    }
  }
  if (!chosen && has_whole) chosen = single(whole, folder.name);
  if (chosen) {
    note_left_out(*chosen, all);
    return {std::move(*chosen)};
  }
  // Mistral's own form counts only where nothing else does.
  const bool only_consolidated = std::ranges::all_of(weights, is_consolidated_name);
  if (!only_consolidated) std::erase_if(weights, is_consolidated_name);
  std::vector<Selection> rest = sets_and_singles(folder, weights);
  if (rest.size() == 1) note_left_out(rest.front(), all);
  std::ranges::move(rest, std::back_inserter(selections));
  return selections;
}

// A diffusers pipeline: each part in a folder of its own. A single-file copy at the root is the same weights again.
std::vector<Selection> select_components(const Folder& folder) {
  std::set<std::string> subfolders;
  for (const std::string& name : folder.names) {
    if (const auto slash = name.find('/'); slash != std::string::npos) subfolders.insert(name.substr(0, slash + 1));
  }
  const auto listed = pipeline_components(folder);
  std::vector<Selection> components;
  for (const std::string& subfolder : subfolders) {
    // The plain files of a part win over its variants (fp16).
    std::vector<Selection> found = select_safetensors(folder, subfolder);
    if (found.empty()) continue;
    const auto shortest =
        std::ranges::min_element(found, {}, [](const Selection& s) { return s.files.front().size(); });
    if (found.size() > 1) note_left_out(*shortest, in_folder(folder, subfolder));
    const std::string component = subfolder.substr(0, subfolder.size() - 1);
    shortest->name = folder.name + '/' + component;
    if (!listed || listed->contains(component)) {
      shortest->kind = CheckpointKind::Component;
      shortest->component = component;
    }
    components.push_back(std::move(*shortest));
  }
  if (!components.empty()) note_left_out(components.front(), in_folder(folder, ""));
  return components;
}

}  // namespace

std::vector<Selection> select_models(const Folder& folder) {
  if (folder.has(std::string(kPipelineName))) {
    std::vector<Selection> components = select_components(folder);
    if (!components.empty()) return components;
  }
  std::vector<Selection> selections = select_safetensors(folder, "");
  std::vector<std::string> ggufs = in_folder(folder, "");
  std::erase_if(ggufs, [](const std::string& name) { return !is_gguf_name(name); });
  std::ranges::move(sets_and_singles(folder, ggufs), std::back_inserter(selections));
  return selections;
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
