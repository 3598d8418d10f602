// Does loading the files only load them? Pickles, code that is kept with weights, and files that are something else as well.

#include <fmt/format.h>

#include <algorithm>

#include "formats/error.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/audit/loaded_files.h"
#include "src/audit/pickle.h"
#include "src/audit/zip_archive.h"

namespace weigh::core {

namespace {

// "a, b and 3 more"
std::string some_of(const std::vector<std::string>& words) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(words.size(), kShown);
  std::vector<std::string> quoted;
  for (std::size_t i = 0; i < shown; ++i) quoted.push_back(quote(words[i]));
  return fmt::format("{}{}", fmt::join(quoted, ", "),
                     words.size() > shown ? fmt::format(" and {} more", words.size() - shown) : "");
}

const std::vector<LoadedFile>& loaded_files(const AuditInput& input) {
  static const std::vector<LoadedFile> kNone;
  if (!input.as_folder) return kNone;
  const auto is_own = [&](const std::string& name) {
    return input.model != nullptr && std::ranges::find(input.model->checkpoint.files, name, &ModelFile::name) !=
                                         input.model->checkpoint.files.end();
  };
  return input.loaded->find(*input.folder, input.every_name, is_own);
}

std::string imports_of(const PickleScan& pickle) {
  if (!pickle.dangerous.empty()) return fmt::format(" that imports {}", some_of(pickle.dangerous));
  if (!pickle.imports.empty()) return fmt::format(" that imports {}", some_of(pickle.imports));
  return "";
}

// Reported with the pickles, as that is what may be there.
void report_spent(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.loaded->is_spent()) return;
  reporter.report(Severity::Warning,
                  "the packed files of the folder hold more than 512 MiB: some were not looked into");
}

}  // namespace

// The dangerous ones first: of many alike not all are listed.
void check_pickle_beside(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.has_models) return;
  for (const Severity severity : {Severity::Error, Severity::Warning}) {
    for (const LoadedFile& file : loaded_files(input)) {
      const PickleScan& pickle = file.code.pickles;
      if (!pickle.is_pickle || pickle.dangerous.empty() == (severity == Severity::Error)) continue;
      reporter.report(
          severity,
          fmt::format("{} is a pickle{}: whoever loads it runs what is inside", quote(file.name), imports_of(pickle)),
          {.file = file.name});
    }
  }
  report_spent(input, reporter);
}

void check_pickle_in_place(const AuditInput& input, const FindingReporter& reporter) {
  if (input.has_models) return;
  for (const LoadedFile& file : loaded_files(input)) {
    if (!file.code.pickles.is_pickle) continue;
    reporter.report(
        fmt::format("{} is a pickle{}, and there are no other weights: whoever loads it runs what is inside",
                    quote(file.name), imports_of(file.code.pickles)),
        {.file = file.name});
  }
  report_spent(input, reporter);
}

void check_serialised_code(const AuditInput& input, const FindingReporter& reporter) {
  for (const LoadedFile& file : loaded_files(input)) {
    const LoadedCode& code = file.code;
    if (code.code.empty()) continue;
    const std::string words = code.dangerous_code.empty() ? "" : fmt::format(", with {}", some_of(code.dangerous_code));
    reporter.report(
        code.dangerous_code.empty() ? Severity::Warning : Severity::Error,
        fmt::format("{} holds code, {}{}: whoever loads it runs that", quote(file.name), some_of(code.code), words),
        {.file = file.name});
  }
}

void check_polyglot(const AuditInput& input, const FindingReporter& reporter) {
  if (input.model == nullptr) return;
  for (const ModelFile& file : input.model->checkpoint.files) {
    const std::string_view header(reinterpret_cast<const char*>(file.header.data.get()),
                                  static_cast<std::size_t>(file.header.size));
    if (is_calling_pickle(header)) {
      reporter.report(fmt::format("{} begins as a pickle that calls something: another program may load it as one",
                                  quote(file.name)),
                      {.file = file.name, .offset = 0});
    }
    if (input.header_only) continue;
    try {
      if (find_zip_directory(*input.folder->open(file.name))) {
        reporter.report(
            fmt::format("{} ends as a zip archive does: another program may open it as one", quote(file.name)),
            {.file = file.name});
      }
    } catch (const Error&) {  // it has shrunk since, or cannot be unpacked
      continue;
    }
  }
}

}  // namespace weigh::core
