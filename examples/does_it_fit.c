/* What a model is, and whether it fits a device: does_it_fit PATH [DEVICE] */
#include <stdio.h>
#include <weigh/weigh_c.h>

int main(int argc, char** argv) {
  const char* device = argc > 2 ? argv[2] : "24GiB";
  char on[128], parameters[32], bytes[32], need[32], budget[32];
  const char* options[] = {on, "context=8192", NULL};
  weigh_model* model = NULL;
  weigh_fit fit = {sizeof fit};

  if (argc < 2) {
    fprintf(stderr, "usage: does_it_fit PATH [DEVICE]\n");
    return 2;
  }
  snprintf(on, sizeof on, "on=%s", device);
  if (weigh_open(argv[1], &model) != WEIGH_OK || weigh_fit_on(model, options, &fit) != WEIGH_OK) {
    fprintf(stderr, "%s\n", weigh_last_error());
    weigh_close(model);
    return 1;
  }
  weigh_parameters_text(weigh_parameters(model), parameters, sizeof parameters);
  weigh_bytes_text(weigh_bytes(model), bytes, sizeof bytes);
  weigh_bytes_text(fit.need_bytes, need, sizeof need);
  weigh_bytes_text(fit.budget_bytes, budget, sizeof budget);
  printf("%s: %s parameters, %s\n", weigh_name(model), parameters, bytes);
  printf("%s: %s, needs %s of %s\n", device, weigh_verdict_name(fit.verdict), need, budget);
  weigh_close(model);
  return 0;
}
