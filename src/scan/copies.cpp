#include "src/scan/copies.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "formats/checked.h"

namespace weigh::core {

namespace {

using Rows = std::vector<std::size_t>;

// Those of one key together, in the order of the keys; there may be as many keys as rows.
std::vector<Rows> parted_by(std::span<const ScanRow* const> rows, Rows among, std::string ScanRow::*key) {
  std::ranges::stable_sort(among, {}, [&](std::size_t i) -> const std::string& { return rows[i]->*key; });
  std::vector<Rows> parts;
  for (const std::size_t i : among) {
    if (parts.empty() || rows[parts.back().front()]->*key != rows[i]->*key) parts.emplace_back();
    parts.back().push_back(i);
  }
  return parts;
}

CopyGroup group_of(std::span<const ScanRow* const> rows, Likeness likeness, Rows members) {
  CopyGroup group{.likeness = likeness, .rows = std::move(members)};
  if (likeness == Likeness::Tensors) return group;
  SaturatingSum all;
  std::uint64_t largest = 0;
  for (const std::size_t i : group.rows) {
    all.add(rows[i]->file_bytes);
    largest = std::max(largest, rows[i]->file_bytes);
  }
  group.reclaimable_bytes = all.value - largest;
  return group;
}

// Rows of one tensor table, whose weights were read.
void part_by_weights(std::span<const ScanRow* const> rows, const Rows& cluster, std::vector<CopyGroup>& groups) {
  for (const Rows& alike : parted_by(rows, cluster, &ScanRow::weights_id)) {
    if (alike.size() < 2) continue;
    const bool same_header = parted_by(rows, alike, &ScanRow::header_id).size() == 1;
    groups.push_back(group_of(rows, same_header ? Likeness::File : Likeness::Weights, alike));
  }
}

void part_by_header(std::span<const ScanRow* const> rows, const Rows& cluster, std::vector<CopyGroup>& groups) {
  const auto parts = parted_by(rows, cluster, &ScanRow::header_id);
  for (const Rows& alike : parts) {
    if (alike.size() > 1) groups.push_back(group_of(rows, Likeness::Header, alike));
  }
  if (parts.size() < 2) return;
  Rows one_of_each;
  for (const Rows& alike : parts) one_of_each.push_back(alike.front());
  std::ranges::sort(one_of_each);
  groups.push_back(group_of(rows, Likeness::Tensors, std::move(one_of_each)));
}

}  // namespace

std::string_view likeness_name(Likeness likeness) {
  constexpr std::array<std::string_view, 4> kNames{"tensors", "header", "weights", "file"};
  return kNames[static_cast<std::size_t>(likeness)];
}

std::vector<CopyGroup> find_copies(std::span<const ScanRow* const> rows) {
  Rows all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i]->tensors_id.empty() && !rows[i]->header_only) all.push_back(i);
  }
  std::vector<CopyGroup> groups;
  for (const Rows& cluster : parted_by(rows, std::move(all), &ScanRow::tensors_id)) {
    if (cluster.size() < 2) continue;
    const bool read = std::ranges::none_of(cluster, [&](std::size_t i) { return rows[i]->weights_id.empty(); });
    (read ? part_by_weights : part_by_header)(rows, cluster, groups);
  }
  std::ranges::stable_sort(groups, [&](const CopyGroup& a, const CopyGroup& b) {
    if (a.reclaimable_bytes != b.reclaimable_bytes) return a.reclaimable_bytes > b.reclaimable_bytes;
    return rows[a.rows.front()]->path < rows[b.rows.front()]->path;
  });
  return groups;
}

}  // namespace weigh::core
