package rank_test

import (
	"strings"
	"testing"

	"forger/internal/rank"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// environment reads "NAME=value" words and lines.
func environment(text string) func(string) (string, bool) {
	all := map[string]string{}
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		all[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := all[name]
		return value, ok
	}
}

// What launchers leave in the environment: torchrun 2.11's, mpirun's of Open MPI 4.1 and of MPICH 4.0 are as they were seen,
// the others as their documentation has them.
const (
	torchrun = `GROUP_RANK=0 ROLE_RANK=3 ROLE_NAME=default GROUP_WORLD_SIZE=2 ROLE_WORLD_SIZE=8 RANK=3 WORLD_SIZE=8 LOCAL_RANK=3
		LOCAL_WORLD_SIZE=4 MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 TORCHELASTIC_RESTART_COUNT=1 TORCHELASTIC_MAX_RESTARTS=3
		TORCHELASTIC_RUN_ID=night TORCHELASTIC_USE_AGENT_STORE=True TORCH_NCCL_ASYNC_ERROR_HANDLING=1 OMP_NUM_THREADS=1 `
	pytorchjob = `PYTHONUNBUFFERED=1 MASTER_PORT=23456 PET_MASTER_PORT=23456 MASTER_ADDR=digits-master-0 PET_MASTER_ADDR=digits-master-0
		WORLD_SIZE=3 RANK=2 PET_NODE_RANK=2 PET_NPROC_PER_NODE=auto PET_NNODES=3 `
	trainer  = `PET_NNODES=4 PET_NPROC_PER_NODE=1 PET_NODE_RANK=2 PET_MASTER_ADDR=digits-node-0-0.digits PET_MASTER_PORT=29500 `
	openmpi4 = `OMPI_COMMAND=forger OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2
		OMPI_COMM_WORLD_NODE_RANK=1 OMPI_UNIVERSE_SIZE=2 OMPI_MCA_ess_base_jobid=1217986561 PMIX_NAMESPACE=1217986561 PMIX_RANK=1 `
	openmpi5 = `OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4
		PMIX_NAMESPACE=prterun-gpu1-9319@1 PMIX_RANK=5 `
	mpich   = `MPI_LOCALNRANKS=2 MPI_LOCALRANKID=1 PMI_FD=8 PMI_RANK=1 PMI_SIZE=2 MPIR_CVAR_CH3_INTERFACE_HOSTNAME=gpu1 HYDI_CONTROL_FD=7 `
	mvapich = `MV2_COMM_WORLD_RANK=6 MV2_COMM_WORLD_SIZE=8 MV2_COMM_WORLD_LOCAL_RANK=2 MV2_COMM_WORLD_LOCAL_SIZE=4 MPISPAWN_ID=1 `
	sbatch  = `SLURM_JOB_ID=41002 SLURM_JOB_NODELIST=gpu[01-03,07],login1 SLURM_JOB_NUM_NODES=5 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0
		SLURM_NTASKS=8 SLURM_TASKS_PER_NODE=2(x3),1(x2) `
	srun = sbatch + `SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=8 SLURM_STEP_NODELIST=gpu[01-03,07],login1 SLURM_STEP_TASKS_PER_NODE=2(x3),1(x2)
		SLURM_PROCID=5 SLURM_LOCALID=1 SLURM_NODEID=2 SLURM_RESTART_COUNT=2 `
)

func TestEveryLauncherIsUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		env  string
		want rank.World
		line string
	}{
		"nothing": {"HOME=/root PMIX_RANK=0 MASTER_ADDR=10.0.0.1 RANK= WORLD_SIZE=", rank.World{Size: 1, LocalSize: 1}, "1 (no launcher)"},
		"torchrun": {torchrun, rank.World{Rank: 3, Size: 8, LocalRank: 3, LocalSize: 4, Host: "10.0.0.1", Port: 29500, Launcher: "torchrun", AgentStore: true, Restarts: 1, Job: "night"},
			"3 of 8, local 3 of 4, torchrun, store 10.0.0.1:29500 hosted by the agent, restart 1"},
		"torchrun, static": {torchrun + "TORCHELASTIC_USE_AGENT_STORE=False TORCHELASTIC_RUN_ID=none TORCHELASTIC_RESTART_COUNT=0", rank.World{Rank: 3, Size: 8, LocalRank: 3, LocalSize: 4, Host: "10.0.0.1", Port: 29500, Launcher: "torchrun"},
			"3 of 8, local 3 of 4, torchrun, store 10.0.0.1:29500 hosted by rank 0"},
		"torchrun, one process": {"RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1", rank.World{Size: 1, LocalSize: 1, Launcher: "torchrun"}, "0 of 1, local 0 of 1, torchrun"},
		"a script, IPv6": {"RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=fd00::2 MASTER_PORT=1234", rank.World{Rank: 1, Size: 2, LocalRank: 1, Host: "fd00::2", Port: 1234, Launcher: "torchrun"},
			"1 of 2, local 1, torchrun, store [fd00::2]:1234 hosted by rank 0"},
		"torchrun, started by srun":    {srun + torchrun, rank.World{Rank: 3, Size: 8, LocalRank: 3, LocalSize: 4, Host: "10.0.0.1", Port: 29500, Launcher: "torchrun", AgentStore: true, Restarts: 1, Job: "night"}, ""},
		"torchrun, in a Trainer's pod": {trainer + "PET_NPROC_PER_NODE=4 " + torchrun, rank.World{Rank: 3, Size: 8, LocalRank: 3, LocalSize: 4, Host: "10.0.0.1", Port: 29500, Launcher: "torchrun", AgentStore: true, Restarts: 1, Job: "night"}, ""},
		"PyTorchJob":                   {pytorchjob, rank.World{Rank: 2, Size: 3, LocalSize: 1, Host: "digits-master-0", Port: 23456, Launcher: "torchrun"}, ""},
		"Kubeflow Trainer": {trainer, rank.World{Rank: 2, Size: 4, LocalSize: 1, Host: "digits-node-0-0.digits", Port: 29500, Launcher: "Kubeflow"},
			"2 of 4, local 0 of 1, Kubeflow, store digits-node-0-0.digits:29500 hosted by rank 0"},
		"Kubeflow Trainer, one node":    {"PET_NNODES=1 PET_NODE_RANK=0", rank.World{Size: 1, LocalSize: 1, Launcher: "Kubeflow"}, ""},
		"Open MPI 4, one host":          {openmpi4, rank.World{Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Host: "127.0.0.1", Port: 24627, Launcher: "Open MPI", Job: "1217986561"}, ""},
		"Open MPI 5, two hosts":         {openmpi5 + "MASTER_ADDR=gpu1", rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 4, Host: "gpu1", Port: 30133, Launcher: "Open MPI", Job: "prterun-gpu1-9319@1"}, ""},
		"MPICH, one host":               {mpich + "MASTER_PORT=29501", rank.World{Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Host: "127.0.0.1", Port: 29501, Launcher: "MPICH"}, ""},
		"Intel MPI":                     {mpich + "I_MPI_MPIRUN=mpirun MASTER_ADDR=gpu1 MASTER_PORT=29501", rank.World{Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Host: "gpu1", Port: 29501, Launcher: "Intel MPI"}, ""},
		"Cray PALS":                     {"PMI_RANK=3 PMI_SIZE=4 PMI_LOCAL_RANK=1 PMI_LOCAL_SIZE=2 MASTER_ADDR=x1 MASTER_PORT=29501", rank.World{Rank: 3, Size: 4, LocalRank: 1, LocalSize: 2, Host: "x1", Port: 29501, Launcher: "MPICH"}, ""},
		"MVAPICH2":                      {mvapich + "MASTER_ADDR=gpu1 MASTER_PORT=29501", rank.World{Rank: 6, Size: 8, LocalRank: 2, LocalSize: 4, Host: "gpu1", Port: 29501, Launcher: "MVAPICH2"}, ""},
		"mpirun, within a job of SLURM": {srun + openmpi4, rank.World{Rank: 1, Size: 2, LocalRank: 1, LocalSize: 2, Host: "127.0.0.1", Port: 24627, Launcher: "Open MPI", Job: "1217986561"}, ""},
		"srun": {srun, rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 2, Host: "gpu01", Port: 16002, Launcher: "SLURM", Restarts: 2, Job: "41002.0"},
			"5 of 8, local 1 of 2, SLURM, store gpu01:16002 hosted by rank 0, restart 2"},
		"srun, the third kind of node":     {srun + "SLURM_NODEID=4 SLURM_PROCID=7 SLURM_LOCALID=0 MASTER_ADDR=ib0.gpu01 MASTER_PORT=7000", rank.World{Rank: 7, Size: 8, LocalSize: 1, Host: "ib0.gpu01", Port: 7000, Launcher: "SLURM", Restarts: 2, Job: "41002.0"}, ""},
		"srun, on a part of the job":       {srun + "SLURM_STEP_NODELIST=gpu[02-03]", rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 2, Host: "gpu02", Port: 16002, Launcher: "SLURM", Restarts: 2, Job: "41002.0"}, ""},
		"srun, names of two parts":         {srun + "SLURM_STEP_NODELIST=rack[1-2]node[004-016,018]", rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 2, Host: "rack1node004", Port: 16002, Launcher: "SLURM", Restarts: 2, Job: "41002.0"}, ""},
		"srun, one node without a number":  {srun + "SLURM_STEP_NODELIST=tesla,volta", rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 2, Host: "tesla", Port: 16002, Launcher: "SLURM", Restarts: 2, Job: "41002.0"}, ""},
		"srun --mpi=pmi2":                  {srun + "PMI_RANK=5 PMI_SIZE=8 PMI_FD=12", rank.World{Rank: 5, Size: 8, LocalRank: 1, LocalSize: 2, Host: "gpu01", Port: 16002, Launcher: "SLURM", Restarts: 2, Job: "41002.0"}, ""},
		"srun of one task":                 {srun + "SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0", rank.World{Size: 1, LocalSize: 1}, ""},
		"the script of sbatch":             {sbatch, rank.World{Size: 1, LocalSize: 1}, ""},
		"the script of sbatch, a step too": {sbatch + "SLURM_STEP_ID=4294967291", rank.World{Size: 1, LocalSize: 1}, ""},
		"the shell of salloc":              {sbatch + "SLURM_STEP_ID=4294967290", rank.World{Size: 1, LocalSize: 1}, ""},
	} {
		got, err := rank.FromEnv(environment(c.env))
		if assert.NoError(t, err, name) {
			assert.Equal(t, c.want, got, name)
			if c.line != "" {
				assert.Equal(t, c.line, got.String(), name)
			}
		}
	}
}

// Ranks of a job of Open MPI derive one port from its name, whatever their host, and ranks of another job another one.
func TestAJobsRanksDeriveOnePort(t *testing.T) {
	port := func(env string) int {
		w, err := rank.FromEnv(environment(env))
		require.NoError(t, err)
		return w.Port
	}
	first := port(openmpi5 + "MASTER_ADDR=gpu1")
	assert.Equal(t, first, port(openmpi5+"MASTER_ADDR=gpu1 OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_LOCAL_RANK=2"))
	assert.NotEqual(t, first, port(openmpi5+"MASTER_ADDR=gpu1 PMIX_NAMESPACE=prterun-gpu1-9320@1"))
	assert.GreaterOrEqual(t, first, 15000)
	assert.Less(t, first, 32000)
}

func TestWrongVariablesAreNamed(t *testing.T) {
	for env, want := range map[string]string{
		"RANK=3":                                 "ranks: RANK=3 without WORLD_SIZE: set both, or unset it",
		"WORLD_SIZE=8":                           "ranks: WORLD_SIZE=8 without RANK: set both, or unset it",
		torchrun + "RANK=8":                      "ranks: RANK=8 with WORLD_SIZE=8: ranks go from 0 to 7: correct the one or the other",
		torchrun + "RANK=-1":                     `ranks: RANK="-1" is not a whole number from 0 on: correct it`,
		torchrun + "RANK=two":                    `ranks: RANK="two" is not a whole number from 0 on: correct it`,
		torchrun + "WORLD_SIZE=0":                `ranks: WORLD_SIZE="0" is not a whole number from 1 on: correct it`,
		torchrun + "WORLD_SIZE=99999999999":      `ranks: WORLD_SIZE="99999999999" is not a whole number from 1 on: correct it`,
		torchrun + "LOCAL_RANK=4":                "ranks: LOCAL_RANK=4 with LOCAL_WORLD_SIZE=4: local ranks go from 0 to 3: correct the one or the other",
		torchrun + "LOCAL_WORLD_SIZE=x":          `ranks: LOCAL_WORLD_SIZE="x" is not a whole number from 1 on: correct it`,
		torchrun + "TORCHELASTIC_RESTART_COUNT=": "",
		torchrun + "MASTER_ADDR=":                "ranks: MASTER_ADDR is not set, and torchrun does not say where rank 0 is: set it to rank 0's host, the same for all ranks",
		torchrun + "MASTER_PORT=":                "ranks: MASTER_PORT is not set, and torchrun gives nothing to make a port from: set it to a free port of 10.0.0.1, the same for all ranks",
		torchrun + "MASTER_PORT=65536":           `ranks: MASTER_PORT="65536" is not a port from 1 to 65535: correct it`,
		pytorchjob + "PET_NPROC_PER_NODE=4":      "ranks: PET_NPROC_PER_NODE=4: that many processes are for torchrun to start: let the container's command be `torchrun --no-python forger ...`, or have 1 process a node",
		trainer + "PET_NPROC_PER_NODE=auto":      "ranks: PET_NPROC_PER_NODE=auto: that many processes are for torchrun to start: let the container's command be `torchrun --no-python forger ...`, or have 1 process a node",
		trainer + "PET_NNODES=1:4":               `ranks: PET_NNODES="1:4" is not a whole number from 1 on: correct it`,
		trainer + "PET_NODE_RANK=":               "ranks: PET_NNODES=4 without PET_NODE_RANK: set both, or unset it",
		openmpi5:                                 "ranks: MASTER_ADDR is not set, and Open MPI does not say where rank 0 is: set it to rank 0's host, the same for all ranks",
		openmpi4 + "OMPI_COMM_WORLD_RANK=":       "ranks: OMPI_COMM_WORLD_SIZE=2 without OMPI_COMM_WORLD_RANK: set both, or unset it",
		mpich:                                    "ranks: MASTER_PORT is not set, and MPICH gives nothing to make a port from: set it to a free port of 127.0.0.1, the same for all ranks",
		"PMI_RANK=1 PMI_SIZE=2":                  "ranks: PMI_RANK=1 without MPI_LOCALRANKID: it is not known which device is this rank's: set it",
		srun + "SLURM_PROCID=":                   "ranks: SLURM_STEP_NUM_TASKS=8 without SLURM_PROCID: set both, or unset it",
		srun + "SLURM_JOB_ID=":                   "ranks: SLURM_JOB_ID is not set: the launcher sets it: start forger by the launcher, or set it as well",
		srun + "SLURM_STEP_NODELIST=gpu[01":      `ranks: SLURM_STEP_NODELIST="gpu[01" is no list of hosts: set MASTER_ADDR to rank 0's host`,
		srun + "SLURM_STEP_NODELIST=gpu[a-b]":    `ranks: SLURM_STEP_NODELIST="gpu[a-b]" is no list of hosts: set MASTER_ADDR to rank 0's host`,
		srun + "SLURM_STEP_TASKS_PER_NODE=2(xa)": `ranks: SLURM_STEP_TASKS_PER_NODE="2(xa)" is not as "4(x2),3": unset it`,
		srun + "SLURM_NODEID=5":                  `ranks: SLURM_NODEID=5, and SLURM_STEP_TASKS_PER_NODE="2(x3),1(x2)" has no such node: unset it`,
		srun + "RANK=0 WORLD_SIZE=8 LOCAL_RANK=0 MASTER_ADDR=gpu01 MASTER_PORT=29500": "ranks: RANK=0 of WORLD_SIZE=8, and by SLURM's variables this is 5 of 8: unset RANK and WORLD_SIZE, or SLURM's",
		openmpi4 + "RANK=0 WORLD_SIZE=1":                                              "ranks: RANK=0 of WORLD_SIZE=1, and by Open MPI's variables this is 1 of 2: unset RANK and WORLD_SIZE, or Open MPI's",
	} {
		got, err := rank.FromEnv(environment(env))
		if want == "" {
			assert.NoError(t, err, env)
		} else if assert.EqualError(t, err, want, env) {
			assert.Zero(t, got, env)
		}
	}
}

func TestALocalRankPicksItsDevice(t *testing.T) {
	third := rank.World{Rank: 6, Size: 8, LocalRank: 2, LocalSize: 4}
	for visible, want := range map[int]int{1: 0, 4: 2, 8: 2} {
		got, err := third.Device(visible)
		require.NoError(t, err)
		assert.Equal(t, want, got, visible)
	}
	_, err := third.Device(3)
	assert.EqualError(t, err, "rank 6: 4 ranks on this host, of which this is number 2, and 3 CUDA devices are visible: start one rank a device")
	_, err = rank.World{Rank: 2, Size: 4, LocalRank: 2}.Device(2)
	assert.EqualError(t, err, "rank 2: 3 ranks on this host, of which this is number 2, and 2 CUDA devices are visible: start one rank a device")
	_, err = third.Device(0)
	assert.EqualError(t, err, "rank 6: no CUDA device is visible: let the launcher show one, or use --device cpu")
}
