#include <fmt/core.h>

#include "src/cli/commands.h"
#include "src/report/listings.h"
#include "src/report/words.h"

namespace weigh {
namespace {

struct DevicesOptions {
  CommonOptions common;
  std::vector<std::string> query;
};

int run_devices(const DevicesOptions& options, Session& session) {
  const Catalogue catalogue = load_catalogue();
  std::string query;
  for (const std::string& word : options.query) query += (query.empty() ? "" : " ") + word;
  std::vector<const Device*> found;
  if (query.empty()) {
    for (const Device& device : catalogue.devices()) found.push_back(&device);
  } else {
    found = catalogue.search(query);
  }
  Output output(options.common, session, {});
  write_devices(found, output.format(), output.style(), output.stream());
  output.finish();
  if (!found.empty()) return 0;
  session.tell(fmt::format("no device matches '{}'; 'weigh devices' lists them all", escaped(query)));
  return 1;
}

}  // namespace

Command setup_devices(CLI::App& parent) {
  auto options = std::make_shared<DevicesOptions>();
  CLI::App* app = add_command(parent, "devices", "The catalogue, with what may safely be used of each device",
                              "  weigh devices\n"
                              "  weigh devices rtx 40\n"
                              "  weigh devices apple --json");
  app->add_option("QUERY", options->query, "Words that id or name must contain")->type_name("");
  add_common_options(*app, options->common);
  return [options](Session& session) { return run_devices(*options, session); };
}

}  // namespace weigh
