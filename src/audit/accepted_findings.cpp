#include "src/audit/accepted_findings.h"

#include <fmt/core.h>

#include <algorithm>

#include "formats/error.h"
#include "src/devices/text.h"

namespace weigh::core {

namespace {

constexpr std::size_t kMaxLines = 10'000;
constexpr std::string_view kSpaces = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kSpaces), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

/// The line without its comment, which begins the line or stands after a space.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = line.find('#'); i != std::string_view::npos; i = line.find('#', i + 1)) {
    if (i == 0 || kSpaces.find(line[i - 1]) != std::string_view::npos) return line.substr(0, i);
  }
  return line;
}

FindingCode code_named(std::string_view id, const std::string& place) {
  std::vector<std::string> names;
  for (const Check& check : checks()) {
    if (name_of(check.code) == id) return check.code;
    names.emplace_back(name_of(check.code));
  }
  throw UsageError(fmt::format("{}: no check is called '{}'{}", place, id, did_you_mean(id, names)));
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one, and where its letters end so far
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

AcceptedFindings::AcceptedFindings(std::string_view text, const std::string& origin) {
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(without_comment(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++number > kMaxLines) throw UsageError(fmt::format("{}: more than {} lines", origin, kMaxLines));
    if (line.empty()) continue;
    const std::size_t space = std::min(line.find_first_of(kSpaces), line.size());
    const FindingCode code = code_named(line.substr(0, space), fmt::format("{}: line {}", origin, number));
    lines_.push_back({code, std::string(trimmed(line.substr(space)))});
  }
}

bool AcceptedFindings::accepts(const Finding& finding, const Audit& audit) const {
  std::vector<std::string> paths{audit.path};
  if (!finding.file.empty()) paths.push_back(audit.path + "/" + finding.file);
  for (const std::string& file : audit.files) {
    const bool is_meant = finding.file.empty() || file == finding.file || file.ends_with("/" + finding.file);
    if (is_meant) paths.push_back(file);
  }
  return std::ranges::any_of(lines_, [&](const Line& line) {
    if (line.code != finding.code) return false;
    if (line.pattern.empty()) return true;
    return std::ranges::any_of(paths, [&](const std::string& path) {
      return matches(line.pattern, path) || matches("*/" + line.pattern, path);
    });
  });
}

void AcceptedFindings::set_aside(Audit& audit) const {
  const auto split = std::stable_partition(audit.findings.begin(), audit.findings.end(),
                                           [&](const Finding& finding) { return !accepts(finding, audit); });
  audit.accepted.assign(split, audit.findings.end());
  audit.findings.erase(split, audit.findings.end());
}

}  // namespace weigh::core
