-- CreateEnum
CREATE TYPE "Maintenance" AS ENUM ('ARCHIVE', 'DELETE', 'SUSPEND');

-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "maintenance" "Maintenance",
ADD COLUMN     "maintenanceInstance" INTEGER;
