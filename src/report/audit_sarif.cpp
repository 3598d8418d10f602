// SARIF 2.1.0 (OASIS): what code hosts and editors read findings from.
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "src/audit/check.h"
#include "src/report/audit.h"
#include "src/report/json.h"

namespace weigh::core {
namespace {

constexpr std::string_view level_name(Severity severity) {
  return severity_name(severity);
}  // SARIF has the same words

/// A path as a URI reference (RFC 3986): '/' stays, and a first part with a colon is no scheme.
std::string uri_of(std::string_view path) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4U];
      uri += kHex[byte & 15U];
    }
  }
  return uri;
}

/// The path of a finding's file: one of the model's own, else one in their folder.
std::string path_of(const Finding& finding, const Audit& audit) {
  if (finding.file.empty()) return audit.path;
  const auto ends_so = [&](const std::string& path) {
    return path == finding.file || path.ends_with("/" + finding.file);
  };
  for (const std::string& path : audit.files) {
    if (ends_so(path)) return path;
  }
  if (ends_so(audit.path)) return audit.path;
  const bool path_is_a_file = audit.files.size() == 1 && audit.files.front() == audit.path;
  const std::string folder = path_is_a_file ? audit.path.substr(0, audit.path.rfind('/') + 1) : audit.path + "/";
  return folder + finding.file;
}

/// Markdown to plain text: code marks go, lines become one paragraph each.
std::string plain_text(std::string_view markdown) {
  std::string text;
  for (std::size_t i = 0; i < markdown.size(); ++i) {
    const char c = markdown[i];
    if (c == '`' || (c == '*' && i + 1 < markdown.size() && markdown[i + 1] == '*')) continue;
    const bool joins =
        c == '\n' && i + 1 < markdown.size() && markdown[i + 1] != '\n' && !text.empty() && text.back() != '\n';
    text += joins ? ' ' : c;
  }
  return text;
}

Json rule_json(const Check& check) {
  const std::string_view help = check_help(check.code);
  const std::string_view first = help.substr(0, help.find("\n\n"));
  std::string sentence(check.sentence);
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] = static_cast<char>(sentence[0] - 32);
  sentence += '.';
  return {{"id", name_of(check.code)},
          {"shortDescription", {{"text", sentence}}},
          {"fullDescription", {{"text", first.empty() ? sentence : plain_text(first)}}},
          {"help",
           {{"text", help.empty() ? sentence : plain_text(help)},
            {"markdown", help.empty() ? sentence : std::string(help)}}},
          {"defaultConfiguration", {{"level", level_name(check.severity)}}},
          {"properties", {{"group", group_name(check.group)}}}};
}

Json result_json(const Finding& finding, const Audit& audit, const std::map<FindingCode, std::size_t>& index,
                 JsonText& text) {
  Json physical{{"artifactLocation", {{"uri", uri_of(path_of(finding, audit))}}}};
  // SARIF's offsets are signed.
  if (finding.offset && *finding.offset <= INT64_MAX) physical["region"] = {{"byteOffset", *finding.offset}};
  Json location{{"physicalLocation", std::move(physical)}};
  if (!finding.tensor.empty()) {
    location["logicalLocations"] = Json::array({{{"name", text(finding.tensor)}, {"kind", "tensor"}}});
  }
  Json result{{"ruleId", name_of(finding.code)}};
  if (const auto rule = index.find(finding.code); rule != index.end()) result["ruleIndex"] = rule->second;
  result["level"] = level_name(finding.severity);
  result["message"] = {{"text", text(finding.message)}};
  result["locations"] = Json::array({std::move(location)});
  return result;
}

}  // namespace

void write_sarif(const std::vector<Audit>& audits, std::ostream& out) {
  JsonText text;
  Json rules = Json::array();
  std::map<FindingCode, std::size_t> index;
  for (const Check& check : checks()) {
    index.emplace(check.code, rules.size());
    rules.push_back(rule_json(check));
  }
  Json results = Json::array();
  for (const Audit& audit : audits) {
    for (const Finding& finding : audit.findings) results.push_back(result_json(finding, audit, index, text));
    for (const Finding& finding : audit.accepted) {
      results.push_back(result_json(finding, audit, index, text));
      results.back()["suppressions"] = Json::array({{{"kind", "external"}, {"status", "accepted"}}});
    }
  }
  const Json driver{
      {"name", "weigh"}, {"semanticVersion", WEIGH_VERSION}, {"version", WEIGH_VERSION}, {"rules", std::move(rules)}};
  write_document(
      {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
       {"version", "2.1.0"},
       {"runs",
        Json::array(
            {{{"tool", {{"driver", driver}}}, {"columnKind", "utf16CodeUnits"}, {"results", std::move(results)}}})}},
      out);
}

}  // namespace weigh::core
